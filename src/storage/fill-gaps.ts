import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { SloMetricName } from '../slo/slo-metrics.ts';
import type { ReadTx } from './client.ts';
import { judged, standing } from './judged-samples.ts';
import { loadWholeMinutes, readsWholeMinutes } from './minute-samples.ts';
import { type Gap, instantsIn, type Steps } from './sample-needs.ts';
import { loadSamples, type SampleRange, type SampleRequest, type SampleRow } from './sample-rows.ts';

export interface FillOptions {
  readonly accountId: string;
  /** Objectives of the account: a minute has about so many rows. */
  readonly objectives: number;
  /** The last minute that is complete: later rows are not read. */
  readonly lastMs: number;
  readonly signal: AbortSignal;
}

/** Rows of one statement: they pass through memory twice, in the database and here. */
const ROWS_A_STATEMENT = 400_000;
/** Looking up a row by its minute and SLO costs so many times what walking past one does. */
const LOOKUP_COST = 8;

/** Gaps of one metric whose stretches are nearly the same: read together. */
interface Batch {
  readonly metric: SloMetricName;
  readonly steps: Steps | null;
  readonly gaps: Gap[];
  fromMs: number;
  toMs: number;
}

/** Reads what is missing, in statements of bounded size, and marks the columns as known. */
export async function fillGaps(tx: ReadTx, gaps: readonly Gap[], options: FillOptions): Promise<void> {
  for (const batch of batchesOf(gaps)) {
    const { steps } = batch;
    if (steps === null) await fillStretch(tx, batch, options);
    else await fillSteps(tx, batch, steps, options);
  }
  for (const { into, settledMs } of gaps) into.untilMs = Math.max(into.untilMs, settledMs);
}

function batchesOf(gaps: readonly Gap[]): Batch[] {
  const batches = new Map<string, Batch[]>();
  for (const gap of gaps.toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)) {
    const { metric } = gap.need.series;
    const { steps } = gap.need;
    const key = `${metric.name} ${steps?.stepMs} ${steps?.phaseMs} ${steps?.windowMs}`;
    const alike = batches.get(key) ?? [];
    batches.set(key, alike);
    const batch = alike.at(-1);
    if (batch !== undefined && isNear(batch, gap)) {
      batch.gaps.push(gap);
      batch.toMs = Math.max(batch.toMs, gap.toMs);
    } else {
      alike.push({ metric: metric.name, steps, gaps: [gap], fromMs: gap.fromMs, toMs: gap.toMs });
    }
  }
  return [...batches.values()].flat();
}

/** Whether reading both as one costs little more than reading each. */
function isNear(batch: Batch, gap: Gap): boolean {
  const together = Math.max(batch.toMs, gap.toMs) - batch.fromMs;
  const shorter = Math.min(batch.toMs - batch.fromMs, gap.toMs - gap.fromMs);
  return together <= 2 * shorter + 10 * MINUTE_MS;
}

async function fillStretch(tx: ReadTx, batch: Batch, options: FillOptions): Promise<void> {
  const { accountId, objectives, signal } = options;
  const toMs = Math.min(batch.toMs, options.lastMs);
  const sloIds = [...new Set(batch.gaps.map(({ need }) => need.series.slo.sloId))];
  const byLookup = sloIds.length * LOOKUP_COST < objectives;
  const places = Math.max(...batch.gaps.map(({ need }) => need.series.component?.places ?? 1));
  const width = (byLookup ? sloIds.length : objectives) * places;
  const chunkMs = Math.max(60, Math.floor(ROWS_A_STATEMENT / Math.max(1, width))) * MINUTE_MS;
  const byKey = bySeries(batch.gaps);
  for (let fromMs = batch.fromMs; fromMs < toMs; fromMs += chunkMs) {
    signal.throwIfAborted();
    const chunk = { fromMs, toMs: Math.min(fromMs + chunkMs, toMs) };
    const range: SampleRange = byLookup
      ? { kind: 'instants', instants: minutesIn(chunk.fromMs, chunk.toMs) }
      : { kind: 'stretch', ...chunk };
    const all = !byLookup && sloIds.length * 2 > objectives;
    const sloIdsAsked = all ? null : sloIds;
    const request = { accountId, metric: batch.metric, sloIds: sloIdsAsked, range };
    const found = await loadByKey(tx, request, byKey, objectives);
    for (const [key, row] of found) {
      for (const gap of byKey.get(key) ?? []) appendTo(gap, row.times, row.values);
    }
  }
}

/** A row stands at nearly every minute, so each step's is looked up first, and only then those before it. */
async function fillSteps(tx: ReadTx, batch: Batch, steps: Steps, options: FillOptions): Promise<void> {
  const { accountId, lastMs, objectives, signal } = options;
  const byKey = bySeries(batch.gaps);
  const chunk = Math.max(1, Math.floor(ROWS_A_STATEMENT / Math.max(1, objectives)));
  const instants = instantsIn(steps, batch.fromMs, batch.toMs);
  const sloIds = [...new Set(batch.gaps.map(({ need }) => need.series.slo.sloId))];
  const slos = sloIds.length * 2 > objectives ? null : sloIds;
  for (let i = 0; i < instants.length; i += chunk) {
    signal.throwIfAborted();
    const asked = instants.slice(i, i + chunk);
    const minutes = new Map(asked.map((at) => [newestMinute(at, lastMs), at]));
    const request = { accountId, metric: batch.metric };
    const exact: SampleRange = { kind: 'instants', instants: [...minutes.keys()] };
    const found = await loadByKey(tx, { ...request, sloIds: slos, range: exact }, byKey, objectives);
    const missing = new Set<number>();
    const without = new Set<string>();
    for (const [key, gaps] of byKey) {
      const times = new Set(found.get(key)?.times);
      for (const [minute, at] of minutes) {
        if (times.has(minute) || !gaps.some(({ fromMs, toMs }) => at > fromMs && at <= toMs)) continue;
        missing.add(at);
        without.add(gaps[0]?.need.series.slo.sloId ?? '');
      }
    }
    const earlier = [...missing].flatMap((at) =>
      minutesIn(at - steps.windowMs, newestMinute(at, lastMs) - MINUTE_MS),
    );
    const late: SampleRange = { kind: 'instants', instants: earlier.sort((a, b) => a - b) };
    const before =
      earlier.length === 0
        ? new Map<string, SampleRow>()
        : await loadByKey(tx, { ...request, sloIds: [...without], range: late }, byKey, objectives);
    for (const [key, gaps] of byKey) {
      const picked = newestAt(asked, steps.windowMs, [found.get(key), before.get(key)]);
      for (const gap of gaps) appendTo(gap, picked.times, picked.values);
    }
  }
}

const newestMinute = (at: number, lastMs: number): number => floorTo(Math.min(at, lastMs), MINUTE_MS);

/** The newest sample of each instant's window, where there is one. */
function newestAt(
  instants: readonly number[],
  windowMs: number,
  rows: readonly (SampleRow | undefined)[],
): { times: Float64Array; values: Float64Array } {
  const known = new Map<number, number>();
  for (const row of rows) {
    for (const [i, at] of row?.times.entries() ?? []) known.set(at, row?.values[i] ?? 0);
  }
  const times: number[] = [];
  const values: number[] = [];
  for (const instant of instants) {
    for (let at = floorTo(instant, MINUTE_MS); at > instant - windowMs; at -= MINUTE_MS) {
      const value = known.get(at);
      if (value === undefined) continue;
      times.push(at);
      values.push(value);
      break;
    }
  }
  return { times: Float64Array.from(times), values: Float64Array.from(values) };
}

/** What is asked for of the answer, by its key. */
async function loadByKey(
  tx: ReadTx,
  request: SampleRequest,
  byKey: ReadonlyMap<string, readonly Gap[]>,
  objectives: number,
): Promise<Map<string, SampleRow>> {
  const found = new Map<string, SampleRow>();
  const inWhole = request.sloIds === null && readsWholeMinutes(request.metric, objectives);
  for (const row of await (inWhole ? loadWholeMinutes : loadSamples)(tx, request)) {
    const key = `${row.sloId}/${row.objective}/${row.place ?? ''}`;
    const [gap] = byKey.get(key) ?? [];
    if (gap !== undefined) found.set(key, { ...row, ...standing(gap.need.series, row.times, row.values) });
  }
  return found;
}

function bySeries(gaps: readonly Gap[]): Map<string, Gap[]> {
  const byKey = new Map<string, Gap[]>();
  for (const gap of gaps) {
    const { slo, objective, component } = gap.need.series;
    const key = `${slo.sloId}/${objective.name}/${component?.place ?? ''}`;
    const own = byKey.get(key);
    if (own === undefined) byKey.set(key, [gap]);
    else own.push(gap);
  }
  return byKey;
}

function minutesIn(fromMs: number, toMs: number): number[] {
  const minutes: number[] = [];
  for (let at = floorTo(fromMs, MINUTE_MS) + MINUTE_MS; at <= toMs; at += MINUTE_MS) minutes.push(at);
  return minutes;
}

/** Appends what belongs into the gap. */
function appendTo(gap: Gap, times: Float64Array, values: Float64Array): void {
  const start = times.findIndex((at) => at > gap.fromMs);
  if (start < 0) return;
  let end = times.length;
  while (end > start && (times[end - 1] ?? 0) > gap.toMs) end -= 1;
  const own = times.subarray(start, end);
  gap.into.append(own, judged(gap.need.series, own, values.subarray(start, end)));
}
