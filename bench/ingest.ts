import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to } from 'pg-copy-streams';
import { z } from 'zod';
import { floorTo, MINUTE_MS } from '../src/lib/duration.ts';
import { interleave, median } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { pointLine, streamBody } from './support/points.ts';
import { type BenchDatabase, startPostgres } from './support/postgres.ts';
import { runScript, temporaryDirectory, watchMemory } from './support/processes.ts';
import { progress } from './support/progress.ts';
import { type Service, startService } from './support/service.ts';
import { scaled } from './support/sizes.ts';
import { columnsOf, createCopy, sizeOf } from './support/tables.ts';

const SLOS = scaled(100, 5);
const MINUTES = scaled(10_000, 1000);
/** `minute`: as live data comes, all SLOs of a minute after each other. `slo`: as a backfill, SLO by SLO. */
const ORDER = process.env.BENCH_INGEST_ORDER ?? 'minute';

const NAMES = Array.from({ length: SLOS }, (_, i) => `service-${i}`);
const pushedSchema = z.object({ ms: z.number(), accepted: z.number(), rejected: z.number() });
const copiedSchema = z.object({ ms: z.number() });

function* bySlo(slos: readonly string[], fromMs: number, toMs: number): Generator<Uint8Array> {
  for (const [series, slo] of slos.entries()) {
    let lines = '';
    for (let minuteMs = fromMs; minuteMs < toMs; minuteMs += MINUTE_MS) {
      lines += pointLine(slo, minuteMs, series);
    }
    yield new TextEncoder().encode(lines);
  }
}

/** Empty tables and the definitions, as before the first point. */
async function startOver({ query }: BenchDatabase, service: Service): Promise<void> {
  await query('TRUNCATE np_slo_snapshots');
  await query('DELETE FROM np_slos');
  for (const name of NAMES) await service.request('POST', '/api/v1/slos', { name, target: 0.999 });
  await query('CHECKPOINT');
}

/** Every point counted, and every minute with its status. */
async function assertRight({ query }: BenchDatabase, toMs: number): Promise<number> {
  const [row] = await query<{ rows: string; right: string; last: Date }>(
    `SELECT count(*) AS rows, max(at) AS last, count(*) FILTER (
       WHERE state IS NOT NULL AND budget IS NOT NULL AND used_total IS NOT NULL AND count_total >= used_total
     ) AS right FROM np_slo_snapshots`,
  );
  const [sums] = await query<{ sums: string; counted: string }>(
    `SELECT sum(used_total) AS sums, (SELECT sum(count_total) FROM np_slo_snapshots WHERE at = $1) AS counted
     FROM np_slo_snapshots`,
    [new Date(toMs)],
  );
  if (Number(row?.right) !== SLOS * MINUTES || sums?.sums !== sums?.counted) {
    throw new Error(`snapshots are missing or wrong: ${JSON.stringify({ ...row, ...sums })}`);
  }
  return Number(row?.rows);
}

async function copyOut(url: string, columns: string, file: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const query = `COPY (SELECT ${columns} FROM np_slo_snapshots ORDER BY at, slo_id) TO STDOUT`;
  await pipeline(client.query(to(query)), createWriteStream(file));
  await client.end();
}

/** A million points through the service against a COPY of the rows that they become. */
export async function ingest(): Promise<Outcome> {
  const server = await startPostgres();
  const database = await server.createDatabase('ingest');
  const service = await startService({ databaseUrl: database.url });
  const directory = await temporaryDirectory();
  const points = join(directory, 'points.ndjson');
  const rowsFile = join(directory, 'rows.copy');
  const memory: number[] = [];
  let rows = 0;
  let columns = '';
  const medians = await interleave('ingest, rows a second', {
    async ours(run) {
      await startOver(database, service);
      const toMs = floorTo(Date.now(), MINUTE_MS);
      const slos = NAMES.map((name) => `default.${name}`);
      const body = ORDER === 'slo' ? bySlo : streamBody;
      await pipeline(body(slos, toMs - MINUTES * MINUTE_MS, toMs), createWriteStream(points));
      const watch = watchMemory(service.program.pid);
      const args = [`${service.url}/api/v1/measurements`, service.headers.authorization ?? '', points];
      const pushed = pushedSchema.parse(JSON.parse(await runScript('bench/load/push-stream.ts', args)));
      memory.push(watch.stop());
      if (pushed.accepted !== SLOS * MINUTES) throw new Error(`accepted ${JSON.stringify(pushed)}`);
      rows = await assertRight(database, toMs);
      if (run === 0) {
        columns = (await columnsOf(database, 'np_slo_snapshots')).join(', ');
        await createCopy(database, 'bench_copy');
      }
      progress(
        `pushed in ${Math.round(pushed.ms)} ms, resident ${Math.round((memory.at(-1) ?? 0) / 2 ** 20)} MiB, ` +
          `${Math.round((await sizeOf(database, 'np_slo_snapshots')).bytes / rows)} bytes a row`,
      );
      await copyOut(database.url, columns, rowsFile);
      return rows / (pushed.ms / 1000);
    },
    async baseline() {
      await database.query('TRUNCATE bench_copy');
      await database.query('CHECKPOINT');
      const args = [database.url, `bench_copy (${columns})`, rowsFile];
      const { ms } = copiedSchema.parse(JSON.parse(await runScript('bench/load/copy-rows.ts', args)));
      return rows / (ms / 1000);
    },
  });
  return {
    ...medians,
    ratio: medians.ours / medians.baseline,
    unit: 'rows/s',
    further: { residentMiB: Math.max(...memory) / 2 ** 20, residentMedianMiB: median(memory) / 2 ** 20 },
  };
}
