import type { TotalPoints } from '../slo/total-points.ts';
import { orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import { type RowsAtInstant, readInstants } from './read-instants.ts';
import type { SeriesKey } from './series-columns.ts';

/** From this share of an account's SLOs on, the rows of the others are not worth being kept back. */
const MOST = 0.5;

export interface WholeInstants {
  readonly accountId: string;
  /** How many SLOs the account has. */
  readonly slos: number;
  /** Epoch milliseconds, in any order. */
  readonly instants: readonly number[];
  /** Series of the account, each with where its points go; some may be there twice. */
  readonly series: readonly { readonly key: SeriesKey; readonly points: TotalPoints }[];
}

/** Reads the rows of each instant whole, and gives each of the series its own. */
export async function loadWholeInstants(
  tx: Tx,
  { accountId, slos, instants, series }: WholeInstants,
): Promise<void> {
  const ids = [...new Set(series.map(({ key }) => key.sloId))];
  await readInstants(
    tx,
    {
      accountId,
      among: ids.length >= slos * MOST ? { type: 'all' } : { type: 'some', ids },
      instants: instants.toSorted((a, b) => a - b),
      owners: series.map(({ key, points }) => ({ key, owner: points })),
    },
    takePoint,
  );
}

function takePoint(points: TotalPoints, rows: RowsAtInstant, row: number): void {
  const { at, good, total, goodLow, totalLow, withData, baseGood, baseTotal } = rows;
  points.add({
    at,
    good: good[row] ?? Number.NaN,
    total: total[row] ?? Number.NaN,
    goodLow: orZero(goodLow[row]),
    totalLow: orZero(totalLow[row]),
    hasData: withData === null || withData[row] === '1',
  });
  const dayGood = baseGood?.[row] ?? '';
  const dayTotal = baseTotal?.[row] ?? '';
  if (dayGood !== '' && dayTotal !== '') points.addBase({ dayMs: at, good: dayGood, total: dayTotal });
}
