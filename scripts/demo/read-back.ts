import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { formatRfc3339 } from '../../src/lib/rfc3339.ts';
import type { Tracker } from './tracker.ts';

const POLL_MS = 200;

const LOOK = `query ($id: ID!) { slo(id: $id) { backfill { state progress } } }`;
const START = `mutation ($id: ID!, $from: DateTime!) {
  backfillSlo(id: $id, from: $from) { errors { message } } }`;

const seenSchema = z.object({
  data: z.object({
    slo: z.object({ backfill: z.object({ state: z.string(), progress: z.number() }).nullable() }),
  }),
});

/** Lets the tracker read the past of a pulled SLO, unless it has been read, and waits for it. */
export async function readBack(
  tracker: Tracker,
  reference: string,
  fromMs: number,
  onProgress: (share: number) => void,
): Promise<void> {
  const ask = (query: string, further: Readonly<Record<string, string>> = {}): Promise<unknown> =>
    tracker.post('/graphql', { query, variables: { id: reference, ...further } });
  for (;;) {
    const { backfill } = seenSchema.parse(await ask(LOOK)).data.slo;
    if (backfill === null) await ask(START, { from: formatRfc3339(fromMs) });
    else if (backfill.state !== 'RUNNING') return;
    else onProgress(backfill.progress);
    await sleep(POLL_MS);
  }
}
