import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { SECOND_MS } from '../lib/duration.ts';
import { StartError } from '../lib/errors.ts';
import { parseRfc3339 } from '../lib/rfc3339.ts';
import { progressBar } from './progress-bar.ts';
import { pushFile } from './push-file.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';
import type { Terminal } from './terminal.ts';

const POLL_MS = SECOND_MS / 2;

interface BackfillOptions {
  readonly slo?: string;
  readonly from?: string;
  readonly to?: string;
  readonly url?: string;
  readonly account: string;
}

/** `backfill`: a file of measurements, or a past range of an SLO's source. Talks to a running service. */
export function addBackfill(program: Command, terminal: Terminal): void {
  program
    .command('backfill')
    .description(
      'Fills in the past: from a file of measurements (a JSON point a line, with "slo"), or from the source of an SLO. ' +
        'Goes on where it was interrupted; running it twice changes nothing.',
    )
    .argument('[file]', 'measurements to push, NDJSON')
    .option('--slo <ref>', 'the SLO whose source is read: its UUID, or project.name')
    .option('--from <time>', 'start of the range, RFC 3339')
    .option('--to <time>', 'end of the range; now when left out')
    .option('--url <url>', 'address of the service; this machine at PORT when left out')
    .option('--account <id>', 'the account', 'primary')
    .action((file: string | undefined, options: BackfillOptions) => backfill(file, options, terminal));
}

async function backfill(
  file: string | undefined,
  options: BackfillOptions,
  terminal: Terminal,
): Promise<void> {
  if ((file === undefined) === (options.slo === undefined)) {
    throw new StartError('backfill: give either a file or --slo with --from', 1);
  }
  const client = createServiceClient(terminal.loadConfig(), options);
  if (file === undefined) await readRange(client, options, terminal);
  else await pushFile(client, file, terminal);
}

function timeOf(option: string, text: string): string {
  if (parseRfc3339(text) === null) {
    throw new StartError(`${option}: expected an RFC 3339 time such as 2026-01-31T00:00:00Z`, 1);
  }
  return text;
}

const BACKFILL_FIELDS = 'backfill { state position progress minutes lastError }';
const START = `mutation ($id: ID!, $from: DateTime!, $to: DateTime) {
  backfillSlo(id: $id, from: $from, to: $to) { slo { id ${BACKFILL_FIELDS} } errors { path message } } }`;
const LOOK = `query ($id: ID!) { slo(id: $id) { id ${BACKFILL_FIELDS} } }`;

async function readRange(
  client: ServiceClient,
  { slo, from, to }: BackfillOptions,
  { write, note }: Terminal,
): Promise<void> {
  if (from === undefined) throw new StartError('--from: expected the start of the range', 1);
  const variables = {
    id: slo,
    from: timeOf('--from', from),
    ...(to === undefined ? {} : { to: timeOf('--to', to) }),
  };
  const started = await client.graphql(START, variables);
  const [fault] = started.backfillSlo?.errors ?? [];
  if (fault !== undefined)
    throw new StartError(`backfill: ${fault.path} ${fault.message}`.replace('  ', ' '), 1);
  const bar = progressBar(note);
  let said: string | null = null;
  for (;;) {
    const seen = (await client.graphql(LOOK, { id: slo })).slo?.backfill ?? null;
    if (seen === null) throw new StartError('backfill: the SLO has no backfill any more', 1);
    bar.show(seen.progress, seen.position);
    if (seen.lastError !== null && seen.lastError !== said) note(`\n${seen.lastError}; it is tried again\n`);
    said = seen.lastError;
    if (seen.state === 'RUNNING') {
      await sleep(POLL_MS);
      continue;
    }
    bar.end();
    if (seen.state === 'CANCELLED') throw new StartError('backfill: it was cancelled', 1);
    write(`${JSON.stringify({ minutes: seen.minutes })}\n`);
    return;
  }
}
