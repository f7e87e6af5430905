import { setImmediate as immediate } from 'node:timers/promises';
import type { SampleSource, Selection, Series } from '../promql/source.ts';
import type { AccountSeries } from './account-series.ts';
import type { SeriesDatabase } from './series-database.ts';
import { readSeriesState, type SeriesState } from './series-definitions.ts';

export interface KeptSourceOptions {
  readonly db: Pick<SeriesDatabase, 'once'>;
  readonly accountId: string;
  /** What is known of the account, if anything. */
  readonly account: () => AccountSeries | null;
  /** The series of each selection where all of them are kept; null where something is to be read. */
  readonly find: (
    account: AccountSeries,
    selections: readonly Selection[],
  ) => readonly (readonly Series[])[] | null;
}

/**
 * Hands out what is kept of an account while the database is asked whether that still stands. Whatever comes of it, a
 * failure too, counts only where it `stands`.
 */
export class KeptSource implements SampleSource {
  readonly isSorted = true;
  readonly #options: KeptSourceOptions;
  #asked: Promise<SeriesState> | null = null;
  #account: AccountSeries | null = null;
  #state: SeriesState | null = null;
  #isShort = false;

  constructor(options: KeptSourceOptions) {
    this.#options = options;
  }

  async select(selections: readonly Selection[]): Promise<readonly (readonly Series[])[]> {
    const { account, find } = this.#options;
    if (this.#asked === null) {
      const asked = this.#ask();
      // Told where the answer is awaited; until then nobody is to miss it.
      asked.catch(() => undefined);
      this.#asked = asked;
      // The question leaves now, and not when the evaluation pauses.
      await immediate();
      this.#account = account();
    }
    const series = this.#account === null ? null : find(this.#account, selections);
    this.#isShort ||= series === null;
    if (series === null) throw new Error('Something is to be read first.');
    return series;
  }

  isOutdated(): boolean {
    return this.#state !== null && !this.#isStateOf(this.#state);
  }

  /** Rejects where the database does not answer. */
  async stands(): Promise<boolean> {
    if (this.#isShort) return false;
    return this.#asked === null || this.#isStateOf(await this.#asked);
  }

  async #ask(): Promise<SeriesState> {
    const { db, accountId } = this.#options;
    this.#state = await readSeriesState(db, accountId);
    return this.#state;
  }

  #isStateOf({ fingerprint }: SeriesState): boolean {
    return fingerprint === this.#account?.fingerprint;
  }
}
