import { cleanUp } from './support/cleanup.ts';
import { machine } from './support/machine.ts';
import { type Outcome, rounded } from './support/outcome.ts';
import { progress } from './support/progress.ts';

/** Loaded one by one: what one of them needs is no condition of the others. */
const BENCHES: Readonly<Record<string, () => Promise<() => Promise<Outcome>>>> = {
  window: async () => (await import('./window.ts')).window,
  tick: async () => (await import('./tick.ts')).tick,
  ingest: async () => (await import('./ingest.ts')).ingest,
  late: async () => (await import('./late.ts')).late,
  budget: async () => (await import('./budget.ts')).budget,
  prometheus: async () => (await import('./prometheus.ts')).prometheus,
  'read-rest': async () => (await import('./read-rest.ts')).readRest,
  'read-graphql': async () => (await import('./read-graphql.ts')).readGraphql,
  size: async () => (await import('./size.ts')).size,
  live: async () => (await import('./live.ts')).live,
};

function show(bench: string, outcome: Outcome): void {
  const { ratio, unit, ours, baseline, runs, further = {} } = outcome;
  const more = Object.fromEntries(Object.entries(further).map(([name, value]) => [name, rounded(value)]));
  console.log(
    JSON.stringify({
      bench,
      ratio: rounded(ratio),
      unit,
      ours: rounded(ours),
      baseline: rounded(baseline),
      runs,
      machine: machine(),
      ...(Object.keys(more).length > 0 ? { further: more } : {}),
    }),
  );
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => BENCHES[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(
      `No such bench: ${unknown.join(', ')}. There are ${Object.keys(BENCHES).join(', ')}.\n`,
    );
    process.exitCode = 1;
    return;
  }
  for (const [name, load] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    progress(name);
    try {
      const run = await load();
      show(name, await run());
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    } finally {
      await cleanUp();
    }
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}
await main(process.argv.slice(2));
