/** A share of the budget, to be given back once. */
export interface Grant {
  readonly bytes: number;
  release(): void;
}

/** Memory that all queries share: what one of them cannot have now it waits for, first come first served. */
export class MemoryBudget {
  readonly maxBytes: number;
  #used = 0;
  readonly #waiting: (() => boolean)[] = [];

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The share, or null where it is not free at once. */
  tryTake(bytes: number): Grant | null {
    return this.#waiting.length === 0 ? this.#take(bytes) : null;
  }

  /** Waits for the share. Rejects with the signal's reason; throws RangeError for more than there is at all. */
  take(bytes: number, signal: AbortSignal): Promise<Grant> {
    if (bytes > this.maxBytes) throw new RangeError('more memory than there is at all');
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const attempt = (): boolean => {
        const grant = this.#take(bytes);
        if (grant === null) return false;
        signal.removeEventListener('abort', giveUp);
        resolve(grant);
        return true;
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(attempt), 1);
        reject(signal.reason);
        this.#serve();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(attempt);
      this.#serve();
    });
  }

  #take(bytes: number): Grant | null {
    if (this.#used + bytes > this.maxBytes) return null;
    this.#used += bytes;
    let held = true;
    return {
      bytes,
      release: () => {
        if (!held) return;
        held = false;
        this.#used -= bytes;
        this.#serve();
      },
    };
  }

  #serve(): void {
    while (this.#waiting[0]?.() === true) this.#waiting.shift();
  }
}
