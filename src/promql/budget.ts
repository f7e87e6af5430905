import { PromqlError } from './promql-error.ts';
import type { SampleSource } from './source.ts';

/** Samples looked at between two pauses: some milliseconds of work. */
const BREATH = 500_000;

/** What one query may use, and its pauses, in which the process serves others and notices that it was cancelled. */
export class Budget {
  readonly #maxSamples: number;
  readonly #signal: AbortSignal;
  readonly #source: SampleSource;
  #held = 0;
  #peak = 0;
  #read = 0;
  #sinceBreath = 0;

  constructor(maxSamples: number, signal: AbortSignal, source: SampleSource) {
    this.#maxSamples = maxSamples;
    this.#signal = signal;
    this.#source = source;
  }

  get held(): number {
    return this.#held;
  }

  get peak(): number {
    return this.#peak;
  }

  /** Samples that selectors have looked at, once for each step that did. */
  get read(): number {
    return this.#read;
  }

  countRead(samples: number): void {
    this.#read += samples;
  }

  /** Counts `samples` more that are held in memory, before they are. */
  hold(samples: number): void {
    this.#held += samples;
    this.#refuseBeyond(this.#held);
    if (this.#held > this.#peak) this.#peak = this.#held;
  }

  /** Refuses what will have to be held at one time, where that is known before anything is read. */
  foresee(samples: number): void {
    this.#refuseBeyond(this.#held + samples);
  }

  #refuseBeyond(samples: number): void {
    if (samples <= this.#maxSamples) return;
    throw new PromqlError(
      'bad_data',
      'query processing would load too many samples into memory in query execution',
    );
  }

  /** What is left of an operator's memory once it is done: its result. */
  settle(samples: number): void {
    this.#held = samples;
  }

  /** Counts work done; true when the caller should `await breathe()`. */
  spend(samples: number): boolean {
    this.#sinceBreath += samples;
    return this.#sinceBreath >= BREATH;
  }

  async breathe(): Promise<void> {
    this.#sinceBreath = 0;
    await new Promise((resolve) => setImmediate(resolve));
    this.check();
  }

  /** Throws once the query's signal has aborted, or what its source has handed out is out of date. */
  check(): void {
    if (this.#signal.aborted) throw abortError(this.#signal.reason);
    if (this.#source.isOutdated?.() === true) throw new Error('The samples are out of date.');
  }
}

function abortError(reason: unknown): PromqlError {
  const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError';
  return timedOut
    ? new PromqlError('timeout', 'query timed out in expression evaluation', { cause: reason })
    : new PromqlError('canceled', 'query was canceled in expression evaluation', { cause: reason });
}
