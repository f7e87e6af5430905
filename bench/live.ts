import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { atEnd } from './support/cleanup.ts';
import { interleave, median } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { startPostgres } from './support/postgres.ts';
import { residentBytes, startProgram } from './support/processes.ts';
import { progress } from './support/progress.ts';
import { type Service, startService } from './support/service.ts';
import { scaled } from './support/sizes.ts';

const SUBSCRIBERS = scaled(1000, 20);
const SLOS = 20;
const WARM_UP = 100;

const roundSchema = z.object({ count: z.number(), p50: z.number(), p99: z.number(), max: z.number() });
type Transport = 'ws' | 'sse';

interface Subscribers {
  /** Bytes of the service that each of them takes, while nothing happens. */
  readonly bytesEach: number;
  /** Changes every SLO at once; answers when the events of all subscribers are there. */
  round(): Promise<z.infer<typeof roundSchema>>;
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

async function change(service: Service): Promise<void> {
  await Promise.all(
    Array.from({ length: SLOS }, (_, n) =>
      service.request('PATCH', `/api/v1/slos/default.live-${n}`, {
        display_name: String(Math.round(performance.timeOrigin + performance.now())),
      }),
    ),
  );
}

function subscribe(service: Service, transport: Transport, count: number) {
  const { url, headers } = service;
  const script = ['--import', 'tsx', 'bench/load/live-subscribers.ts'];
  return startProgram({
    args: [...script, url, headers.authorization ?? '', transport, String(count), String(SLOS)],
  });
}

async function open(databaseUrl: string, transport: Transport): Promise<Subscribers> {
  const service = await startService({ databaseUrl });
  for (let n = 0; n < SLOS; n += 1) {
    await service.request('PATCH', `/api/v1/slos/default.live-${n}`, { display_name: '' });
  }
  // What the first subscribers load and compile is no cost of each one.
  const warmUp = subscribe(service, transport, Math.min(WARM_UP, SUBSCRIBERS));
  await warmUp.line(/"open"/);
  await change(service);
  await warmUp.line(/"p99"/);
  await warmUp.stop();
  for (let n = 0; n < SLOS; n += 1) {
    await service.request('PATCH', `/api/v1/slos/default.live-${n}`, { display_name: '' });
  }
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
      await change(service);
      rounds += 1;
      const lines = await program.lines(/"p99"/, rounds);
      return roundSchema.parse(JSON.parse(lines.at(-1) ?? ''));
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
  const server = await startPostgres();
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
    const subscribers = await open(database.url, transport);
    const p50: number[] = [];
    const max: number[] = [];
    outcome = await interleave(`p99 over ${transport}, ms`, {
      async ours() {
        const round = await subscribers.round();
        p50.push(round.p50);
        max.push(round.max);
        return round.p99;
      },
      baseline: notice,
    });
    further[`${transport}P99`] = outcome.ours;
    further[`${transport}P50`] = median(p50);
    further[`${transport}Max`] = Math.max(...max);
    further[`${transport}BytesEach`] = subscribers.bytesEach;
  }
  if (outcome === null) throw new Error('nothing was measured');
  return { ...outcome, ratio: outcome.ours / outcome.baseline, unit: 'ms', further };
}
