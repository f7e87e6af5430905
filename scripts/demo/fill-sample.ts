import { DAY_MS, floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { StartError } from '../../src/lib/errors.ts';
import { type KnownSlo, knownSlos, newestMinute } from './known-slos.ts';
import { pointLines } from './point-lines.ts';
import { readBack } from './read-back.ts';
import { referenceOf, type SampleSlo } from './sample-slo.ts';
import { sampleSlos } from './sample-slos.ts';
import { type Tracker, TrackerError } from './tracker.ts';

/** SLOs whose history is pushed at the same time: as many as a small machine has cores. */
const STREAMS = 2;
/** Of the whole work; the rest is for what is made of the pushed history. */
const PUSHING_SHARE = 0.8;
/** How far back a pulled SLO is read: its window and a little more, since reading goes day by day. */
const READ_BACK_MS = 8 * DAY_MS;

export interface FillOptions {
  readonly seed: number;
  /** How much history there is to be, in milliseconds. */
  readonly historyMs: number;
  /** Up to now, in epoch milliseconds. */
  readonly nowMs: number;
  /** `share` is from 0 to 1. */
  readonly onProgress: (share: number, label: string) => void;
}

export interface FilledSample {
  readonly slos: readonly SampleSlo[];
  /** The first minute that is not pushed yet. */
  readonly nextMs: number;
}

/**
 * Brings the sample about, or what is missing of it: SLOs, adjustments, and their history up to now. Nothing is done
 * twice, so it can be interrupted anywhere and begun again. Throws a StartError where an SLO has one of its names.
 */
export async function fillSample(tracker: Tracker, options: FillOptions): Promise<FilledSample> {
  const { seed, historyMs, nowMs, onProgress } = options;
  const before = await knownSlos(tracker);
  // A definition is the same whenever the demo starts.
  for (const slo of sampleSlos({ seed, startMs: nowMs }))
    if (isPushed(slo)) await create(tracker, slo, before);
  const known = await knownSlos(tracker);
  // By the tracker's own record, so that the next start finds the same.
  const starts = [...known.values()].map((slo) => Date.parse(slo.created_at));
  const slos = sampleSlos({ seed, startMs: floorTo(Math.min(nowMs, ...starts), MINUTE_MS) });
  const pushed = slos.filter(isPushed);
  for (const slo of pushed) await adjust(tracker, slo, known);

  const range = { fromMs: floorTo(nowMs - historyMs, MINUTE_MS), toMs: floorTo(nowMs, MINUTE_MS) };
  await pushHistory(tracker, pushed, {
    known,
    range,
    onProgress: (share, label) => onProgress(PUSHING_SHARE * share, label),
  });
  // They are made of the pushed ones' history, and have it at once when they are created after it.
  const others = slos.filter((slo) => !isPushed(slo));
  for (const [i, slo] of others.entries()) {
    const label = referenceOf(slo);
    const show = (share: number): void =>
      onProgress(PUSHING_SHARE + (1 - PUSHING_SHARE) * ((i + share) / others.length), label);
    show(0);
    await create(tracker, slo, known);
    if (isPulled(slo))
      await readBack(tracker, label, Math.max(range.fromMs, range.toMs - READ_BACK_MS), show);
  }
  return { slos, nextMs: range.toMs };
}

function isPushed({ measure }: SampleSlo): boolean {
  return measure !== null;
}

function isPulled({ definition: { sli } }: SampleSlo): boolean {
  return sli !== null && sli !== undefined && 'source' in sli && sli.source !== undefined;
}

async function create(tracker: Tracker, slo: SampleSlo, known: ReadonlyMap<string, KnownSlo>): Promise<void> {
  const reference = referenceOf(slo);
  if (known.has(reference)) return;
  await tracker.post('/api/v1/slos', slo.definition).catch((cause: unknown) => {
    if (!(cause instanceof TrackerError && cause.status === 409)) throw cause;
    throw new StartError(
      `${reference} exists, and is not the demo's: give the demo a DATA_DIR or a DATABASE_URL of its own`,
      1,
      { cause },
    );
  });
}

async function adjust(tracker: Tracker, slo: SampleSlo, known: ReadonlyMap<string, KnownSlo>): Promise<void> {
  const reference = referenceOf(slo);
  for (const adjustment of slo.adjustments.slice(known.get(reference)?.adjustments.length ?? 0)) {
    await tracker.post(`/api/v1/slos/${reference}/adjustments`, adjustment);
  }
}

interface HistoryOptions {
  readonly known: ReadonlyMap<string, KnownSlo>;
  /** In whole minutes. */
  readonly range: { readonly fromMs: number; readonly toMs: number };
  readonly onProgress: FillOptions['onProgress'];
}

/** Pushes each SLO's minutes in their order, so that the newest one tells how far an interrupted run has come. */
async function pushHistory(
  tracker: Tracker,
  slos: readonly SampleSlo[],
  { known, range, onProgress }: HistoryOptions,
): Promise<void> {
  const tasks = slos.map((slo) => {
    const existing = known.get(referenceOf(slo));
    const newestMs = existing === undefined ? null : newestMinute(existing);
    const fromMs = Math.max(range.fromMs, newestMs ?? range.fromMs);
    return { slo, fromMs, minutes: Math.max(0, (range.toMs - fromMs) / MINUTE_MS) };
  });
  const all = tasks.reduce((sum, { minutes }) => sum + minutes, 0);
  let done = 0;
  function* counted(lines: Iterable<string>, label: string): Generator<string> {
    for (const line of lines) {
      yield line;
      done += 1;
      onProgress(done / all, label);
    }
  }
  const queue = tasks.filter(({ minutes }) => minutes > 0);
  await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
        const { slo, fromMs } = task;
        await tracker.push(counted(pointLines(slo, fromMs, range.toMs), referenceOf(slo)));
      }
    }),
  );
}
