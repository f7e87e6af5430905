import { formatDuration, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { formatRfc3339 } from '../lib/rfc3339.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { notePullFailures, type PulledSlo, storePulls } from '../services/pull-minutes.ts';
import { sourceAccessFaults } from '../services/source-access.ts';
import { nextBackfillSlice, nextSlice, pulledSource } from '../slo/pull.ts';
import type { MinuteRange } from '../slo/pull-state.ts';
import { SourceError, type SourceReader, type SourceRequest } from '../sources/source-reader.ts';
import { type BackOff, createBackOff } from './back-off.ts';
import { type ReadTask, readOn } from './read-on.ts';

/** Requests times minutes of one call, so that an answer stays small in memory. */
const MINUTES_A_CALL = 150_000;
/** For so long a round goes on reading backfills before it stores: the newest minutes of others wait for it. */
const READ_ON_MS = 2 * SECOND_MS;

/** What a round of one source came to. */
export interface LaneRound {
  /** SLOs of which minutes were read. */
  readonly read: number;
  /** SLOs of which the reading failed. */
  readonly failed: number;
  /** Whether there is more to be read at once. */
  readonly hasMore: boolean;
}

interface Task {
  readonly slo: PulledSlo;
  readonly range: MinuteRange;
  readonly isBackfill: boolean;
  readonly request: SourceRequest;
}

export interface Lane {
  /** Whether it is left alone for a while, after a failure. */
  isWaiting(nowMs: number): boolean;
  /** Reads one slice for each of the SLOs. Never throws. */
  round(slos: readonly PulledSlo[], atMs: number, signal: AbortSignal): Promise<LaneRound>;
}

/** The reading of one source, at its own pace: what is wrong with it is nothing to other sources. */
export function createLane(env: ServiceEnvironment, name: string, reader: SourceReader): Lane {
  const whole = createBackOff();
  const own = new Map<string, BackOff>();

  const backOffOf = (slo: PulledSlo): BackOff => {
    const known = own.get(slo.id) ?? createBackOff();
    own.set(slo.id, known);
    return known;
  };

  function tasksOf(slos: readonly PulledSlo[], atMs: number): Task[] {
    const nowMs = env.clock.now();
    return slos.flatMap((slo): Task[] => {
      const source = pulledSource(slo);
      const backOff = own.get(slo.id);
      if (source === null || backOff?.isWaiting(nowMs) === true) return [];
      const limitMs = whole.sliceMs(reader.maxRangeMs(slo.sli));
      const sliceMs = backOff?.sliceMs(limitMs) ?? limitMs;
      const isBackfill = slo.pull.untilMs >= atMs;
      if (isBackfill && (slo.backfill === null || slo.backfill.finishedAtMs !== null)) return [];
      const keptFromMs = Math.ceil((nowMs - env.retentionMs) / MINUTE_MS) * MINUTE_MS;
      const range =
        isBackfill && slo.backfill !== null
          ? nextBackfillSlice(slo.backfill, sliceMs)
          : nextSlice(slo.pull, { atMs, sliceMs, keptFromMs });
      const request = { ...range, accountId: slo.accountId, sli: slo.sli, source };
      return [{ slo, range, isBackfill, request }];
    });
  }

  /** Fails what the configuration does not allow any more. */
  async function allowed(tasks: readonly Task[]): Promise<Task[]> {
    const faults = tasks.map(({ slo }) => sourceAccessFaults(env.sources, slo.accountId, slo.sli)[0]);
    await failTasks(
      tasks.flatMap((task, i) => {
        const fault = faults[i];
        return fault === undefined
          ? []
          : [{ task, message: `${fault.path} ${fault.message}`, isTooMuch: false }];
      }),
    );
    return tasks.filter((_, i) => faults[i] === undefined);
  }

  async function failTasks(
    failures: readonly { readonly task: Task; readonly message: string; readonly isTooMuch: boolean }[],
  ): Promise<void> {
    const nowMs = env.clock.now();
    for (const { task, isTooMuch } of failures) backOffOf(task.slo).failed(nowMs, isTooMuch);
    await notePullFailures(
      env,
      failures.map(({ task: { slo, isBackfill }, message }) => ({ slo, isBackfill, message })),
    );
  }

  /**
   * Reads and stores one call's worth, and more of backfills while `mayGoOn`. Returns what was read.
   * Throws SourceError.
   */
  async function call(
    tasks: readonly Task[],
    mayGoOn: () => boolean,
    signal: AbortSignal,
  ): Promise<readonly ReadTask[]> {
    const answers = await reader.read(
      tasks.map(({ request }) => request),
      signal,
    );
    signal.throwIfAborted();
    const reads: ReadTask[] = [];
    const failures: { task: Task; message: string; isTooMuch: boolean }[] = [];
    tasks.forEach((task, i) => {
      const answer = answers[i];
      if (answer === undefined) throw new RangeError('A source has not answered each request.');
      if ('failure' in answer) failures.push({ task, message: answer.failure, isTooMuch: false });
      else reads.push({ ...task, ...answer });
    });
    const limits = { minutes: MINUTES_A_CALL / reader.concurrency, mayGoOn };
    const gathered = await readOn(reader, reads, limits, signal);
    signal.throwIfAborted();
    await storePulls(env, gathered, signal);
    for (const { slo } of reads) own.get(slo.id)?.succeeded();
    await failTasks(failures);
    return gathered;
  }

  function reportProgress(tasks: readonly ReadTask[], atMs: number): void {
    const behind = tasks.filter(({ range, isBackfill }) => isBackfill || range.toMs < atMs);
    const first = behind[0];
    if (first === undefined) return;
    const untilMs = behind.reduce((least, { range }) => Math.min(least, range.toMs), first.range.toMs);
    env.logger.info(
      {
        source: name,
        slos: behind.length,
        until: formatRfc3339(untilMs),
        left: formatDuration(Math.max(MINUTE_MS, atMs - untilMs)),
      },
      first.isBackfill ? 'reading a past range of a source' : 'catching up with a source',
    );
  }

  /** The whole source is left alone for a while. */
  async function failLane(error: unknown, tasks: readonly Task[]): Promise<void> {
    const isTooMuch = error instanceof SourceError && error.isTooMuch;
    const waitMs = whole.failed(env.clock.now(), isTooMuch);
    env.logger.warn(
      { err: error, source: name, slos: tasks.length, retryInSeconds: Math.round(waitMs / SECOND_MS) },
      'a source cannot be read',
    );
    const message = error instanceof SourceError ? error.message : 'the source cannot be read';
    try {
      await notePullFailures(
        env,
        tasks.map(({ slo, isBackfill }) => ({ slo, isBackfill, message })),
      );
    } catch (noteError) {
      env.logger.warn({ err: noteError, source: name }, 'the failure of a source could not be shown');
    }
  }

  async function readAll(tasks: readonly Task[], atMs: number, signal: AbortSignal): Promise<LaneRound> {
    const open = batchesOf(tasks, reader.maxRequests);
    const startedMs = env.clock.now();
    const mayGoOn = (): boolean => env.clock.now() - startedMs < READ_ON_MS;
    const failed: Task[] = [];
    const tooMuch: { task: Task; message: string; isTooMuch: boolean }[] = [];
    let read = 0;
    let stopped: unknown;
    const work = async (): Promise<void> => {
      // What is not taken off `open` is told of the failure too.
      while (stopped === undefined && !signal.aborted) {
        const batch = open.shift();
        if (batch === undefined) return;
        try {
          // Not in one line: it would add to what `read` was before the wait, and lose what others have read since.
          const done = await call(batch, mayGoOn, signal);
          read += done.length;
          reportProgress(done, atMs);
        } catch (error) {
          if (signal.aborted) return;
          const [only, ...others] = batch;
          const isOneTooMuch = error instanceof SourceError && error.isTooMuch && others.length === 0;
          if (only !== undefined && isOneTooMuch) {
            tooMuch.push({ task: only, message: error.message, isTooMuch: true });
            // One slow query is its own fault; when nothing but that comes back, it is the source's.
            if (read > 0 || tooMuch.length < reader.concurrency) continue;
          }
          failed.push(...batch);
          stopped = error;
        }
      }
    };
    await Promise.all(Array.from({ length: reader.concurrency }, work));
    if (stopped === undefined) {
      await failTasks(tooMuch);
      if (read > 0) whole.succeeded();
    } else {
      await failTasks(tooMuch.filter(({ task }) => !failed.includes(task)));
      await failLane(stopped, [...failed, ...open.flat()]);
    }
    return { read, failed: tasks.length - read, hasMore: stopped === undefined && read > 0 };
  }

  return {
    isWaiting: whole.isWaiting,
    async round(slos, atMs, signal) {
      const present = new Set(slos.map(({ id }) => id));
      for (const id of own.keys()) if (!present.has(id)) own.delete(id);
      const tasks = tasksOf(slos, atMs);
      try {
        const done = await readAll(await allowed(tasks), atMs, signal);
        const isBehind = tasks.some(
          ({ slo: { backfill }, range }) =>
            range.toMs < atMs || (backfill !== null && backfill.finishedAtMs === null),
        );
        return { ...done, hasMore: done.hasMore && isBehind };
      } catch (error) {
        if (!signal.aborted) await failLane(error, tasks);
        return { read: 0, failed: tasks.length, hasMore: false };
      }
    },
  };
}

/** Tasks of one call ask for the same minutes. */
function batchesOf(tasks: readonly Task[], maxRequests: number): Task[][] {
  const byRange = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = `${task.range.fromMs} ${task.range.toMs}`;
    const known = byRange.get(key);
    if (known === undefined) byRange.set(key, [task]);
    else known.push(task);
  }
  return [...byRange.values()].flatMap((same) => {
    const range = same[0]?.range;
    const minutes = range === undefined ? 1 : Math.max(1, (range.toMs - range.fromMs) / MINUTE_MS);
    const size = Math.max(1, Math.min(maxRequests, Math.floor(MINUTES_A_CALL / minutes)));
    return Array.from({ length: Math.ceil(same.length / size) }, (_, i) =>
      same.slice(i * size, (i + 1) * size),
    );
  });
}
