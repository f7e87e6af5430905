import type { Sli } from '../slo/definition.ts';
import type { MinuteRange } from '../slo/pull-state.ts';
import type { Point } from '../slo/sli.ts';
import type { PulledSource } from '../slo/source.ts';

/** What of one SLO is to be read: all points of the minutes `[fromMs, toMs)`. */
export interface SourceRequest extends MinuteRange {
  readonly accountId: string;
  readonly sli: Sli;
  readonly source: PulledSource;
}

/** What a source says of a request: all there is, or why that one cannot be read. */
export type SourceAnswer =
  | {
      readonly points: readonly Point[];
      /** What of it could not be taken; null when all could. */
      readonly note: string | null;
    }
  | { readonly failure: string };

/** A source that cannot be read, for any request. The message is for the SLOs' owners: no address, no secret. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** Whether asking for fewer minutes may help. */
  readonly isTooMuch: boolean;

  constructor(message: string, { isTooMuch = false, cause }: { isTooMuch?: boolean; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.isTooMuch = isTooMuch;
  }
}

/** Reads one source. */
export interface SourceReader {
  /** Requests of one call at most; they must ask for the same minutes. */
  readonly maxRequests: number;
  /** Calls at the same time. */
  readonly concurrency: number;
  /** The most minutes that are worth asking for at once, by kind of SLI. */
  maxRangeMs(sli: Sli): number;
  /** One answer a request, in their order. Throws SourceError when the source as a whole cannot be read. */
  read(requests: readonly SourceRequest[], signal: AbortSignal): Promise<readonly SourceAnswer[]>;
}

/** No point, to be filled in. */
export const NO_FIELDS = { objective: null, good: null, bad: null, total: null, value: null } as const;
