import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { atEnd } from './support/cleanup.ts';
import { interleave, median } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { type BenchDatabase, startPostgres } from './support/postgres.ts';
import { processorMs, residentBytes, startProgram } from './support/processes.ts';
import { progress } from './support/progress.ts';
import { type Service, startService } from './support/service.ts';
import { scaled } from './support/sizes.ts';

const SUBSCRIBERS = scaled(1000, 20);
const SLOS = 20;
const WARM_UP = 100;

const heardSchema = z.object({ heard: z.record(z.string(), z.array(z.number())) });
type Transport = 'ws' | 'sse';

/** In milliseconds from the commit of a change to having its event; `cpu`: what the service worked for it all. */
interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpu: number;
}

interface Subscribers {
  /** Bytes of the service that each of them takes, while nothing happens. */
  readonly bytesEach: number;
  /** Changes every SLO at once; answers when the events of all subscribers are there. */
  round(): Promise<Round>;
}

/** Memory when the collector has had its turns: the least of some seconds. */
async function settledBytes(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i += 1) {
    await sleep(500);
    least = Math.min(least, await residentBytes(pid));
  }
  return least;
}

/** Renames every SLO at once, each in a transaction of its own; the empty name is how they begin. */
async function rename(service: Service, name: string): Promise<void> {
  await Promise.all(
    Array.from({ length: SLOS }, (_, n) =>
      service.request('PATCH', `/api/v1/slos/default.live-${n}`, { display_name: name }),
    ),
  );
}

/** When the transaction that wrote an SLO last was committed, by the clock of the machine, in milliseconds since 1970. */
async function commits(database: BenchDatabase): Promise<Map<string, number>> {
  const rows = await database.query<{ name: string; at: number }>(
    `SELECT name, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS at
     FROM np_slos WHERE source_account_id = 'primary'`,
  );
  return new Map(rows.map(({ name, at }) => [name, at]));
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

function subscribe(service: Service, transport: Transport, count: number) {
  const { url, headers } = service;
  const script = ['--import', 'tsx', 'bench/load/live-subscribers.ts'];
  return startProgram({
    args: [...script, url, headers.authorization ?? '', transport, String(count), String(SLOS)],
  });
}

async function open(database: BenchDatabase, transport: Transport): Promise<Subscribers> {
  const service = await startService({ databaseUrl: database.url });
  await rename(service, '');
  // What the first subscribers load and compile is no cost of each one.
  const warmUp = subscribe(service, transport, Math.min(WARM_UP, SUBSCRIBERS));
  await warmUp.line(/"open"/);
  await rename(service, 'warm');
  await warmUp.line(/"heard"/);
  await warmUp.stop();
  await rename(service, '');
  const before = await settledBytes(service.program.pid);
  const program = subscribe(service, transport, SUBSCRIBERS);
  await program.line(/"open"/);
  const after = await settledBytes(service.program.pid);
  const bytesEach = (after - before) / SUBSCRIBERS;
  progress(`${SUBSCRIBERS} subscribers over ${transport} take ${Math.round(bytesEach / 1000)} kB each`);
  let rounds = 0;
  return {
    bytesEach,
    async round() {
      rounds += 1;
      const workedMs = await processorMs(service.program.pid);
      await rename(service, `change ${rounds}`);
      const committed = await commits(database);
      const line = (await program.lines(/"heard"/, rounds)).at(-1) ?? '';
      const cpu = (await processorMs(service.program.pid)) - workedMs;
      const latencies = Object.entries(heardSchema.parse(JSON.parse(line)).heard)
        .flatMap(([slo, instants]) => instants.map((atMs) => atMs - (committed.get(slo) ?? Number.NaN)))
        .sort((a, b) => a - b);
      return {
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
        max: quantile(latencies, 1),
        cpu,
      };
    },
  };
}

/** How long a change takes to a plain listener on the channel: the floor under every stream. */
async function bareNotice(databaseUrl: string): Promise<() => Promise<number>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  atEnd(() => client.end());
  await client.query('LISTEN np_slo_changes');
  const sender = new pg.Client({ connectionString: databaseUrl });
  await sender.connect();
  atEnd(() => sender.end());
  return async () => {
    const startedMs = performance.now();
    const heard = new Promise<number>((resolve) => {
      client.on('notification', ({ payload }) => {
        if (payload === '[]') resolve(performance.now() - startedMs);
      });
    });
    await sender.query("BEGIN; SELECT pg_notify('np_slo_changes', '[]'); COMMIT");
    const ms = await heard;
    client.removeAllListeners('notification');
    return ms;
  };
}

/** A change of every SLO to 1,000 subscribers of one replica, against a bare notice to one listener. */
export async function live(): Promise<Outcome> {
  const server = await startPostgres(['track_commit_timestamp=on']);
  const database = await server.createDatabase('live');
  const setUp = await startService({ databaseUrl: database.url });
  for (let n = 0; n < SLOS; n += 1) {
    await setUp.request('POST', '/api/v1/slos', { name: `live-${n}`, target: 0.999 });
  }
  await setUp.program.stop();
  const further: Record<string, number> = { subscribers: SUBSCRIBERS };
  const notice = await bareNotice(database.url);
  let outcome: { ours: number; baseline: number; runs: number } | null = null;
  for (const transport of ['sse', 'ws'] as const) {
    const subscribers = await open(database, transport);
    const rounds: Round[] = [];
    outcome = await interleave(`p99 over ${transport}, ms`, {
      async ours() {
        const round = await subscribers.round();
        rounds.push(round);
        return round.p99;
      },
      baseline: notice,
    });
    further[`${transport}P99`] = outcome.ours;
    further[`${transport}P50`] = median(rounds.map(({ p50 }) => p50));
    further[`${transport}Max`] = Math.max(...rounds.map(({ max }) => max));
    further[`${transport}CpuMs`] = median(rounds.map(({ cpu }) => cpu));
    further[`${transport}BytesEach`] = subscribers.bytesEach;
  }
  if (outcome === null) throw new Error('nothing was measured');
  return { ...outcome, ratio: outcome.ours / outcome.baseline, unit: 'ms', further };
}
