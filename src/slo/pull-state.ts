/** How far the reading of a source has come. Instants are starts of minutes. */
export interface PullState {
  /** Minutes before are not read. */
  readonly fromMs: number;
  /** All minutes before are read; equals `fromMs` at first. */
  readonly untilMs: number;
  /** When the source last answered; null before the first time. */
  readonly lastPulledAtMs: number | null;
  /** What went wrong since; null when all is well. */
  readonly lastError: string | null;
  /** What was read of the last minutes, as digests by the minute's start. */
  readonly recent: Readonly<Record<string, string>>;
}

/** Minutes `[fromMs, toMs)`. */
export interface MinuteRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reading a past range on request. */
export interface Backfill extends MinuteRange {
  /** Tells one request from the next. */
  readonly id: string;
  /** All minutes of the range before are read. */
  readonly nextMs: number;
  readonly requestedAtMs: number;
  /** Null while it goes on. */
  readonly finishedAtMs: number | null;
  /** Minutes for which there was something to store. */
  readonly minutes: number;
  readonly lastError: string | null;
}
