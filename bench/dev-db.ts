import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../src/lib/duration.ts';
import { cloneSlos, makeTemplates } from './support/history.ts';
import { startPostgres } from './support/postgres.ts';
import { settle } from './support/tables.ts';

const toMs = floorTo(Date.now(), MINUTE_MS);
const fromMs = toMs - 30 * DAY_MS;
const server = await startPostgres();
const database = await server.createDatabase('budget');
await makeTemplates({ database, definition: { target: 0.999, time_window: { type: 'rolling', duration: '30d' } }, fromMs, toMs, patterns: 4 });
const stretches = [{ lowMs: floorTo(fromMs, DAY_MS), highMs: fromMs + 5 * MINUTE_MS }];
for (let d = floorTo(fromMs, DAY_MS) + DAY_MS; d < toMs - 10 * DAY_MS; d += DAY_MS) stretches.push({ lowMs: d, highMs: d });
const ats: number[] = [];
for (let i = 9; i >= 0; i -= 1) {
  const d = floorTo(toMs, DAY_MS) - i * DAY_MS;
  stretches.push({ lowMs: d, highMs: d });
  const at = d + 8 * HOUR_MS;
  for (const b of [360, 60, 30, 5, 0]) stretches.push({ lowMs: at - b * MINUTE_MS, highMs: at - b * MINUTE_MS + 2 * MINUTE_MS });
  ats.push(at);
}
console.error(JSON.stringify(ats));
await cloneSlos(database, { accounts: ['primary'], slosPerAccount: 1000, stretches });
await settle(database, ['np_slo_snapshots', 'np_slos']);
console.log(database.url);
setInterval(() => undefined, 1e6);
