/**
 * A response of which the whole text is known. Whoever can send the text at once takes it from here; for everybody
 * else it is a response as any other, whose stream is made when it is asked for.
 */
export class TextResponse extends Response {
  readonly content: string;
  #whole: Response | null = null;

  constructor(content: string, init: { readonly status: number; readonly headers: Record<string, string> }) {
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
