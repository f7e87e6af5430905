/**
 * A response of which the whole text is known. Whoever can send the text at once takes it from here; for everybody
 * else it is a response as any other, whose stream is made when it is asked for.
 */
export class TextResponse extends Response {
  /** As text, or as its UTF-8. */
  readonly content: string | Uint8Array<ArrayBuffer>;
  #whole: Response | null = null;

  constructor(
    content: TextResponse['content'],
    init: { readonly status: number; readonly headers: Record<string, string> },
  ) {
    super(null, init);
    this.content = content;
  }

  get #streamed(): Response {
    this.#whole ??= new Response(this.content, { status: this.status, headers: this.headers });
    return this.#whole;
  }

  override get body() {
    return this.#streamed.body;
  }

  override get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  override arrayBuffer() {
    return this.#streamed.arrayBuffer();
  }

  override blob() {
    return this.#streamed.blob();
  }

  override clone() {
    return this.#streamed.clone();
  }

  override formData() {
    return this.#streamed.formData();
  }

  override json() {
    return this.#streamed.json();
  }

  override text() {
    return this.#streamed.text();
  }
}
