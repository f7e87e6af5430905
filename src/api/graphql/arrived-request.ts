/**
 * What Yoga asks of a POST whose body has arrived: the method, the address, the headers, the signal, and the body
 * as text or JSON. A Request made anew for that took a fifth of the time of a small query.
 */
export class ArrivedRequest {
  readonly body = null;
  readonly #request: Request;
  readonly #bytes: Uint8Array;

  constructor(request: Request, bytes: Uint8Array) {
    this.#request = request;
    this.#bytes = bytes;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  get headers(): Headers {
    return this.#request.headers;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(this.#bytes);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Yoga's types know the Request of the platform only; multipart bodies, which need more of it, are off. */
  forYoga(): Request {
    return this as unknown as Request;
  }
}
