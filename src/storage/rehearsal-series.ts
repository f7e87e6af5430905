import type { Clock } from '../lib/clock.ts';
import { MINUTE_MS } from '../lib/duration.ts';
import type { ReadTx } from './client.ts';
import type { SeriesDatabase } from './series-database.ts';

export interface RehearsalSeries {
  readonly db: SeriesDatabase;
  readonly clock: Clock;
}

const SLOS = 200;
const START_MS = Date.UTC(2024, 0, 1);
const HISTORY_MS = 120 * MINUTE_MS;

const hexIds = Array.from({ length: SLOS }, (_, n) => n.toString(16).padStart(32, '0'));
const ids = hexIds.map(
  (hex) =>
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
);

const definitions = () =>
  ids.map((id, n) => {
    const objectives = [{ name: 'default', displayName: '', target: 0.999, primary: true }];
    return {
      id,
      project: 'default',
      name: `slo-${n}`,
      service: `service-${n % 10}`,
      budgeting_method: 'occurrences',
      sli: { type: 'ratio' },
      objectives,
      revisions: [{ fromMs: START_MS, objectives, composite: null }],
    };
  });

function minutes(fromMs: number, toMs: number): object[] {
  const rows: object[] = [];
  for (let at = fromMs + MINUTE_MS; at <= toMs; at += MINUTE_MS) {
    const vals = Buffer.allocUnsafe(SLOS * 8);
    for (let n = 0; n < SLOS; n += 1) vals.writeDoubleBE(((n * 7 + at / MINUTE_MS) % 100) / 10, n * 8);
    const isFirst = rows.length === 0;
    rows.push({
      at: new Date(at),
      slo_ids: isFirst ? hexIds.join('') : null,
      objectives: isFirst ? 'default '.repeat(SLOS).trim() : null,
      vals,
    });
  }
  return rows;
}

/**
 * Rows as the database would answer with, of 200 made-up SLOs, for running the code that reads series before there
 * is anything to read. A minute passes with every other query, so that half of them find all that they ask for in the
 * cache, and the other half do not.
 */
export function createRehearsalSeries(): RehearsalSeries {
  let asked = 0;
  const nowMs = (): number => START_MS + HISTORY_MS + Math.ceil(asked / 2) * MINUTE_MS;
  const state = () => ({ fingerprint: String(nowMs()), oldest: null });

  function rowsOf(name: string, values: readonly unknown[]): object[] {
    if (name === 'series-state') return [state()];
    if (name === 'series-histories') {
      const line = (id: string) => `${id} 1 ${START_MS} ${START_MS} ${nowMs()} 0 `;
      return [{ ...state(), slos: ids.map(line).join('\n') }];
    }
    if (name === 'series-definitions') return definitions();
    const [, from, to] = values;
    return from instanceof Date && to instanceof Date ? minutes(from.getTime(), to.getTime()) : [];
  }

  const tx: ReadTx = {
    client: {
      // The rows have the shape of the statement, which its name tells, and not the compiler.
      query: async ({ name, values }) => ({ rows: rowsOf(name, values) as never[] }),
    },
  };
  return {
    clock: { now: nowMs },
    db: {
      once: async () => {
        const answer = state();
        asked += 1;
        return [answer];
      },
      tenantSnapshot: (_accountId, work) => work(tx),
    },
  };
}
