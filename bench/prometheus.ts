import { z } from 'zod';
import { DAY_MS, floorTo, MINUTE_MS } from '../src/lib/duration.ts';
import { cloneSlos, makeTemplates } from './support/history.ts';
import { median, timed } from './support/interleave.ts';
import type { Outcome } from './support/outcome.ts';
import { type BenchDatabase, startPostgres } from './support/postgres.ts';
import { progress } from './support/progress.ts';
import { startPrometheus } from './support/prometheus.ts';
import { settleReports } from './support/reports.ts';
import { type Service, startService } from './support/service.ts';
import { RUNS, scaled } from './support/sizes.ts';
import { settle } from './support/tables.ts';

const SLOS = 200;
const DAYS = scaled(30, 1);
const PATTERNS = 4;
const METRICS = ['burn_rate', 'budget'] as const;
/** Questions a run: one alone is too short to be measured among others' work. */
const QUESTIONS = 10;
/** Times that each is asked before the first run: Node.js compiles as it goes. */
const WARM_UP = 100;
const BASE = '/api/prometheus/v1';

interface Question {
  readonly name: string;
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
}

function questions(toMs: number): Question[] {
  // Between two samples, so that both see the same ones.
  const at = toMs / 1000 - 29.5;
  const instant = (name: string, query: string): Question => ({
    name,
    path: '/api/v1/query',
    form: { query, time: String(at) },
  });
  const start = String(at - DAYS * 86_400 + 3600);
  return [
    instant('instant', 'burn_rate'),
    instant('average24h', 'avg_over_time(burn_rate[24h])'),
    {
      name: 'range',
      path: '/api/v1/query_range',
      form: { query: 'burn_rate', start, end: String(at), step: '3600' },
    },
    instant('sumBy', 'sum by (service) (burn_rate)'),
    instant('topk', 'topk(5, burn_rate)'),
    instant('filter', 'budget < 0.2'),
  ];
}

/** The samples of the snapshots, read past our own code. */
async function* samplesOf({ query }: BenchDatabase, startMs: number, endMs: number): AsyncGenerator<string> {
  const rows = await query<{ name: string; at: string; burn_rate: number | null; budget: number | null }>(
    `SELECT o.name, extract(epoch FROM s.at)::bigint::text AS at, s.burn_rate, s.budget
     FROM np_slo_snapshots s JOIN np_slos o ON o.source_account_id = s.source_account_id AND o.id = s.slo_id
     WHERE s.source_account_id = 'primary' AND s.at >= $1 AND s.at < $2 AND s.state IS NOT NULL
     ORDER BY o.name, s.at`,
    [new Date(startMs), new Date(endMs)],
  );
  for (const metric of METRICS) {
    let text = `# TYPE ${metric} gauge\n`;
    for (const { name, at, ...row } of rows) {
      const value = row[metric];
      if (value === null) continue;
      text += `${metric}{objective="default",project="default",service="${name}",slo="${name}"} ${value} ${at}\n`;
    }
    yield text;
  }
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.unknown()) }),
});

async function ask(url: string, headers: Readonly<Record<string, string>>, { path, form }: Question) {
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${form.query}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}

const lengthOf = (text: string): number => answerSchema.parse(JSON.parse(text)).data.result.length;

/** PromQL over 200 series against Prometheus over the same samples: warm, and the first query after a restart. */
export async function prometheus(): Promise<Outcome> {
  const toMs = floorTo(Date.now(), MINUTE_MS);
  const fromMs = toMs - DAYS * DAY_MS;
  const server = await startPostgres();
  const database = await server.createDatabase('prometheus');
  await makeTemplates({ database, definition: { target: 0.999 }, fromMs, toMs, patterns: PATTERNS });
  await cloneSlos(database, { accounts: ['primary'], slosPerAccount: SLOS });
  // As many services as SLOs, as where nobody names one.
  await database.query('UPDATE np_slos SET service = name');
  await settle(database, ['np_slo_snapshots', 'np_slos']);
  const oracle = await startPrometheus({
    fromMs,
    toMs,
    openMetrics: (startMs, endMs) => samplesOf(database, startMs, endMs),
  });
  const start = (): Promise<Service> =>
    startService({ databaseUrl: database.url, env: { PROMETHEUS_RATE_LIMIT: 'off' } });
  const asked = questions(toMs);
  const own = (service: Service, question: Question) =>
    ask(`${service.url}${BASE}`, service.headers, question);
  const theirs = (question: Question) => ask(oracle.url, {}, question);
  const further: Record<string, number> = {};
  const baselines = new Map<string, number>();
  let worst = { ratio: 0, ours: 0, baseline: 0 };
  // All of them warm first: a service that has just been started is not.
  let service = await start();
  await settleReports(database);
  for (let i = 0; i < WARM_UP; i += 1) {
    for (const question of asked) {
      await own(service, question);
      await theirs(question);
    }
  }
  for (const question of asked) {
    const [ours, others] = [lengthOf(await own(service, question)), lengthOf(await theirs(question))];
    if (ours !== others) throw new Error(`${question.name}: ${ours} series, Prometheus has ${others}`);
    const many = async (one: () => Promise<unknown>): Promise<number> => {
      const ms = await timed(async () => {
        for (let i = 0; i < QUESTIONS; i += 1) await one();
      });
      return ms / QUESTIONS;
    };
    const measured: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
    // The first run of both is not counted.
    for (let run = 0; run <= RUNS; run += 1) {
      measured.ours.push(await many(() => own(service, question)));
      measured.theirs.push(await many(() => theirs(question)));
    }
    const [warm, baseline] = [median(measured.ours.slice(1)), median(measured.theirs.slice(1))];
    progress(`${question.name}: ours ${warm.toFixed(2)} ms, Prometheus ${baseline.toFixed(2)}`);
    baselines.set(question.name, baseline);
    further[`${question.name}Ratio`] = warm / baseline;
    if (warm / baseline > worst.ratio) worst = { ratio: warm / baseline, ours: warm, baseline };
  }
  for (const question of asked) {
    const first: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      await service.program.stop();
      service = await start();
      first.push(await timed(() => own(service, question)));
    }
    progress(`${question.name}: the first one ${median(first).toFixed(1)} ms`);
    further[`${question.name}FirstRatio`] = median(first) / (baselines.get(question.name) ?? Number.NaN);
  }
  return { ...worst, runs: RUNS, unit: 'ms', further };
}
