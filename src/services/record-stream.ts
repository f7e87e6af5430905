import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import { type Line, readLines } from '../lib/read-lines.ts';
import type { Slo } from '../slo/definition.ts';
import { MinuteStream } from '../slo/minute-stream.ts';
import { isFaulty } from '../slo/point-schema.ts';
import type { Tx } from '../storage/client.ts';
import { versionsById } from '../storage/slo-versions.ts';
import { idsByReference, lockSlos, slosByReference } from '../storage/slos-by-reference.ts';
import { assertMayWrite } from './authorize.ts';
import { catchUp, refreshMarked } from './catch-up.ts';
import type { ServiceContext } from './context.ts';
import { type KeptLimits, KeptTotals } from './kept-totals.ts';
import { PointLines } from './point-lines.ts';
import { storeMinutes } from './store-minutes.ts';

/** Lines that are committed together: enough to be set-based, few enough to stay small in memory. */
const CHUNK_LINES = 40_000;
/** Of lines that are not plain points: they take memory as they are. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** A slow stream is committed this often, so that its points are seen. */
const CHUNK_AGE_MS = 1000;
/** After so few lines composites are computed anew at once, not at the stream's end. */
const SMALL_CHUNK_LINES = 1000;
const MAX_LINE_BYTES = 64 * 1024;
const MAX_ERRORS = 100;
/**
 * Of a chunk so many lines are stored at a time, and of so many SLOs at least: what is read and computed of many SLOs
 * would else stay in memory for as long as the whole chunk takes.
 */
const LINES_AT_A_TIME = 10_000;
const SLOS_AT_A_TIME = 250;
/** SLOs whose snapshots are completed in one transaction at the end. */
const SLOS_A_PASS = 100;

export interface StreamResult {
  readonly accepted: number;
  readonly rejected: number;
  /** The first hundred, by line. Lines count from 1. */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

/** Other limits than those that a stream has by itself, for tests of what happens at them. */
export interface StreamLimits {
  readonly chunkLines?: number;
  /** Of the running totals that are kept from chunk to chunk. */
  readonly kept?: KeptLimits;
}

/** Lines that are stored in one transaction. */
interface Chunk {
  readonly lines: PointLines;
  /** The id of the SLO that each reference names; null for none. */
  readonly named: readonly (string | null)[];
  readonly isFull: boolean;
  readonly nowMs: number;
}

class Recording {
  readonly #ctx: ServiceContext;
  readonly #streams = new Map<string, MinuteStream>();
  readonly #touched = new Set<string>();
  readonly #kept: KeptTotals;
  /** What is being read, and what is being stored meanwhile. */
  #lines: PointLines;
  #others: PointLines;
  #startedMs = 0;
  #storing: Promise<void> = Promise.resolve();
  #failure: { readonly cause: unknown } | null = null;
  #accepted = 0;
  #rejected = 0;
  readonly #errors: { line: number; message: string }[] = [];

  constructor(ctx: ServiceContext, { chunkLines = CHUNK_LINES, kept = {} }: StreamLimits) {
    this.#ctx = ctx;
    this.#kept = new KeptTotals(kept);
    this.#lines = new PointLines(chunkLines);
    this.#others = new PointLines(chunkLines);
  }

  /** Whether the lines so far have to be committed before another is added. */
  get isFull(): boolean {
    return this.#lines.isFull || this.#lines.otherBytes >= CHUNK_BYTES;
  }

  /** Whether the first of them has waited long enough to be seen. */
  get isDue(): boolean {
    return this.#lines.length > 0 && this.#ctx.clock.now() - this.#startedMs >= CHUNK_AGE_MS;
  }

  add({ number, bytes, from, to }: Line): void {
    if (this.#lines.length === 0) this.#startedMs = this.#ctx.clock.now();
    const fault =
      bytes === null
        ? `The line is longer than ${MAX_LINE_BYTES} bytes.`
        : this.#lines.add(number, bytes, from, to);
    if (fault !== null) this.#reject(number, fault);
  }

  /** Stores the lines so far in one transaction, once those before are stored. The next ones can be read meanwhile. */
  async commit(): Promise<void> {
    await this.settled();
    this.assertWell();
    const lines = this.#lines;
    this.#lines = this.#others;
    this.#others = lines;
    this.#storing = this.#store(lines).catch((cause: unknown) => {
      this.#failure = { cause };
    });
  }

  /** Waits until nothing is being stored any more, however that ended. */
  async settled(): Promise<void> {
    await this.#storing;
  }

  /** Throws what has gone wrong so far. */
  assertWell(): void {
    if (this.#failure !== null) throw this.#failure.cause;
  }

  async #store(lines: PointLines): Promise<void> {
    if (lines.length === 0) return;
    const { accountId } = this.#ctx.actor;
    const nowMs = this.#ctx.clock.now();
    const { references, isFull } = lines;
    const named = await this.#ctx.db.tenant(accountId, (tx) => idsByReference(tx, accountId, references));
    const oldestMs = Math.max(Math.min(lines.oldestMs, nowMs), nowMs - this.#ctx.retentionMs);
    await this.#ctx.partitions.ensure(floorTo(oldestMs, MINUTE_MS), nowMs + 10 * MINUTE_MS);
    const acceptedBefore = this.#accepted;
    const versions = await this.#ctx.db.tenant(accountId, async (tx) => {
      const ids = await lockSlos(tx, accountId, [...new Set(named.flatMap((id) => id ?? []))]);
      this.#kept.open(await versionsById(tx, accountId, ids));
      this.#refuseOthers(lines, named, new Set(ids));
      const atATime = Math.max(SLOS_AT_A_TIME, Math.ceil((ids.length / lines.length) * LINES_AT_A_TIME));
      for (let i = 0; i < ids.length; i += atATime) {
        await this.#storeSome(tx, { lines, named, isFull, nowMs }, ids.slice(i, i + atATime));
      }
      // A stream that is slow is not to keep composites waiting for its end.
      if (lines.length <= SMALL_CHUNK_LINES) await refreshMarked(tx, accountId, nowMs);
      return versionsById(tx, accountId, ids);
    });
    this.#kept.close(versions);
    lines.clear();
    this.#ctx.onPointsStored(this.#accepted - acceptedBefore);
  }

  /** Stores the lines of some of the SLOs, whose rows are locked. */
  async #storeSome(tx: Tx, { lines, named, isFull, nowMs }: Chunk, ids: readonly string[]): Promise<void> {
    const read = await slosByReference(tx, this.#ctx.actor.accountId, ids, { lock: true });
    const slos = read.filter((slo) => slo !== null);
    const byId = new Map(slos.map((slo) => [slo.id, slo]));
    this.#takeLines(
      lines,
      named.map((id) => byId.get(id ?? '')),
      nowMs,
    );
    const minutes = slos.flatMap((slo) => {
      const drained = this.#streams.get(slo.id)?.drain() ?? new Map();
      // One that came before is followed by another, as a rule; as a full chunk is.
      const goesOn = isFull || this.#touched.has(slo.id);
      return drained.size === 0 ? [] : [{ slo, minutes: drained, goesOn }];
    });
    await storeMinutes(tx, minutes, nowMs, { complete: false, kept: this.#kept });
    for (const { slo } of minutes) this.#touched.add(slo.id);
  }

  /** Completes the snapshots of all that was touched, up to the last complete minute. */
  async finish(): Promise<StreamResult> {
    const { accountId } = this.#ctx.actor;
    const ids = [...this.#touched].sort();
    for (let i = 0; i < ids.length; i += SLOS_A_PASS) {
      await this.#ctx.db.tenant(accountId, async (tx) => {
        const slos = await slosByReference(tx, accountId, ids.slice(i, i + SLOS_A_PASS), { lock: true });
        await catchUp(
          tx,
          slos.filter((slo) => slo !== null),
          this.#ctx.clock.now(),
        );
        const isLast = i + SLOS_A_PASS >= ids.length;
        if (isLast) await refreshMarked(tx, accountId, this.#ctx.clock.now());
      });
    }
    return { accepted: this.#accepted, rejected: this.#rejected, errors: this.#errors };
  }

  /** Refuses the lines that name none of these SLOs. */
  #refuseOthers(lines: PointLines, named: readonly (string | null)[], ids: ReadonlySet<string>): void {
    const isOne = named.map((id) => id !== null && ids.has(id));
    if (!isOne.includes(false)) return;
    for (let i = 0; i < lines.length; i += 1) {
      if (isOne[lines.referenceOf(i)] !== true) this.#reject(lines.numberOf(i), 'slo: There is no such SLO.');
    }
  }

  /** Adds what is right of some SLOs' lines to the minutes. `slos` has one of them, or none, for each reference. */
  #takeLines(lines: PointLines, slos: readonly (Slo | undefined)[], nowMs: number): void {
    const bounds = { nowMs, retentionMs: this.#ctx.retentionMs };
    for (let i = 0; i < lines.length; i += 1) {
      const slo = slos[lines.referenceOf(i)];
      if (slo === undefined) continue;
      const point = lines.take(i, slo, bounds);
      if (isFaulty(point)) {
        this.#reject(
          lines.numberOf(i),
          point.faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '),
        );
        continue;
      }
      let stream = this.#streams.get(slo.id);
      if (stream === undefined) {
        stream = new MinuteStream('stream');
        this.#streams.set(slo.id, stream);
      }
      stream.add(slo, point);
      this.#accepted += 1;
    }
  }

  #reject(line: number, message: string): void {
    this.#rejected += 1;
    // Lines of the next chunk are read, and may be refused, while those of the one before are still looked at.
    const place = this.#errors.findLastIndex((error) => error.line < line) + 1;
    if (place < MAX_ERRORS) this.#errors.splice(place, 0, { line, message });
    if (this.#errors.length > MAX_ERRORS) this.#errors.pop();
  }
}

/** Yields null while the items are silent, so that what has come in is committed in time. */
async function* withTicks<T>(items: AsyncGenerator<T>, everyMs: number): AsyncGenerator<T | null> {
  const advance = (): Promise<IteratorResult<T>> => {
    const result = items.next();
    // It fails while nobody waits for it when the reader has failed first, and is lost then on purpose.
    result.catch(() => undefined);
    return result;
  };
  let next = advance();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const tick = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), everyMs);
    });
    const result = await Promise.race([next, tick]).finally(() => clearTimeout(timer));
    if (result === null) {
      yield null;
    } else if (result.done === true) {
      return;
    } else {
      next = advance();
      yield result.value;
    }
  }
}

/**
 * Stores a stream of measurements of many SLOs, a JSON point a line with `slo`, committed in chunks as it
 * comes; memory does not grow with its length. A line that is not valid is refused by itself. A body that is
 * cut off keeps the chunks committed so far; pushing it again is safe.
 */
export async function recordStream({
  ctx,
  input,
  limits = {},
}: {
  ctx: ServiceContext;
  input: { readonly body: AsyncIterable<Uint8Array>; readonly signal?: AbortSignal };
  limits?: StreamLimits;
}): Promise<StreamResult> {
  assertMayWrite(ctx);
  const recording = new Recording(ctx, limits);
  const lines = readLines(input.body, MAX_LINE_BYTES);
  try {
    for await (const some of withTicks(lines, CHUNK_AGE_MS)) {
      input.signal?.throwIfAborted();
      recording.assertWell();
      for (const line of some ?? []) {
        recording.add(line);
        if (recording.isFull) await recording.commit();
      }
      if (recording.isDue) await recording.commit();
    }
  } catch (cause) {
    await recording.settled();
    if (cause instanceof ServiceError) throw cause;
    if (input.signal?.aborted === true || isCutOff(cause)) {
      recording.assertWell();
      await recording.finish();
      throw new ServiceError('malformed', 'The body was cut off; what came before is stored in part.', {
        cause,
      });
    }
    throw cause;
  }
  await recording.commit();
  await recording.settled();
  recording.assertWell();
  return recording.finish();
}

/** What Node.js reports when the client goes away in the middle of a body. */
function isCutOff(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const code = 'code' in cause ? cause.code : undefined;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || cause.name === 'AbortError';
}
