import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { floorTo, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { startProgram, temporaryDirectory } from './processes.ts';
import { progress } from './progress.ts';

/**
 * The longest blocks that Prometheus makes of its own, so that nothing is left to be merged. One file a block:
 * promtool goes through the file once for every block in it.
 */
const BLOCK_MS = 162 * HOUR_MS;
/** So much is asked for at a time, and held in memory. */
const PART_MS = 2 * HOUR_MS;
const SETTLE_MS = 100_000;

export interface PrometheusData {
  /** The samples with `startMs <= time < endMs` as OpenMetrics, without the end of the file. */
  readonly openMetrics: (startMs: number, endMs: number) => Iterable<string> | AsyncIterable<string>;
  /** Minutes in `[fromMs, toMs)`; a minute's sample stands at its end. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Prometheus {
  readonly url: string;
  /** The instant query's value by the label `slo`, and how long the answer took to arrive. */
  query(expression: string, atMs: number): Promise<{ values: Map<string, number>; ms: number }>;
}

/** A block's file: its samples ascend by time, part by part. */
async function* blockFile(
  { openMetrics }: PrometheusData,
  fromMs: number,
  toMs: number,
): AsyncGenerator<string> {
  for (let startMs = fromMs; startMs < toMs; startMs = floorTo(startMs, PART_MS) + PART_MS) {
    yield* openMetrics(startMs, Math.min(floorTo(startMs, PART_MS) + PART_MS, toMs));
  }
  yield '# EOF\n';
}

async function loadBlocks(data: PrometheusData, storage: string, scratch: string): Promise<void> {
  const firstMs = data.fromMs + MINUTE_MS;
  const starts: number[] = [];
  for (let startMs = floorTo(firstMs, BLOCK_MS); startMs <= data.toMs; startMs += BLOCK_MS)
    starts.push(startMs);
  for (const [i, startMs] of starts.entries()) {
    const file = join(scratch, 'block.om');
    const endMs = Math.min(startMs + BLOCK_MS, data.toMs + MINUTE_MS);
    await pipeline(blockFile(data, Math.max(startMs, firstMs), endMs), createWriteStream(file));
    const length = `--max-block-duration=${BLOCK_MS / HOUR_MS}h`;
    await startProgram({
      command: 'promtool',
      args: ['tsdb', 'create-blocks-from', length, 'openmetrics', '--quiet', file, storage],
    }).output();
    await rm(file);
    progress(`Prometheus has ${i + 1} of ${starts.length} blocks`);
  }
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/** Loads the samples into a real Prometheus and starts it; ready once it has compacted what it will. */
export async function startPrometheus(data: PrometheusData): Promise<Prometheus> {
  const directory = await temporaryDirectory();
  const storage = join(directory, 'data');
  await mkdir(storage);
  await loadBlocks(data, storage, directory);
  const config = join(directory, 'prometheus.yml');
  await writeFile(config, 'global: {}\n');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  startProgram({
    command: 'prometheus',
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${storage}`,
      '--storage.tsdb.retention.time=100d',
      `--web.listen-address=127.0.0.1:${port}`,
      '--query.max-samples=1000000000',
      '--query.timeout=10m',
      '--log.level=warn',
    ],
  });
  await untilReady(url);
  await untilCompacted(url);
  return {
    url,
    async query(expression, atMs) {
      const asked = new URLSearchParams({ query: expression, time: String(atMs / 1000), timeout: '10m' });
      const startedMs = performance.now();
      const text = await (await fetch(`${url}/api/v1/query?${asked}`)).text();
      const ms = performance.now() - startedMs;
      const { data: answer } = answerSchema.parse(JSON.parse(text));
      const values = new Map(answer.result.map(({ metric, value }) => [metric.slo ?? '', Number(value[1])]));
      return { values, ms };
    },
  };
}

async function untilReady(url: string): Promise<void> {
  for (let i = 0; i < 600; i += 1) {
    const ready = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
    await sleep(500);
  }
  throw new Error('Prometheus does not become ready');
}

/** It merges small blocks into large ones, which are quicker to ask; done when nothing changes for a while. */
async function untilCompacted(url: string): Promise<void> {
  let last = '';
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < SETTLE_MS) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const state = /^prometheus_tsdb_blocks_loaded (\S+)$/m.exec(metrics)?.[1] ?? '';
    if (state !== last) {
      last = state;
      sinceMs = performance.now();
      progress(`Prometheus has ${state} blocks loaded`);
    }
    await sleep(2000);
  }
}
