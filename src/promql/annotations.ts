import { positionOf, type Span } from './position.ts';

/** Remarks on a query, collected once each, in the order in which they came. */
export class Annotations {
  readonly #text: string;
  readonly #warnings = new Set<string>();
  readonly #infos = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  get warnings(): readonly string[] {
    return [...this.#warnings];
  }

  get infos(): readonly string[] {
    return [...this.#infos];
  }

  warn(message: string, span: Span): void {
    this.#warnings.add(`PromQL warning: ${message} (${positionOf(this.#text, span.start)})`);
  }

  inform(message: string, span: Span): void {
    this.#infos.add(`PromQL info: ${message} (${positionOf(this.#text, span.start)})`);
  }
}
