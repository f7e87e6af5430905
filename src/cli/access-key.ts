import type { Command } from 'commander';
import { StartError } from '../lib/errors.ts';
import { type AccessKey, createAccessKeys } from '../services/access-keys.ts';
import type { Terminal } from './terminal.ts';

interface CreateOptions {
  readonly account: string;
  readonly role: string;
  readonly json: boolean;
}

/** `access-key create`: makes a key with the service's own configuration. Needs no database. */
export function addAccessKey(program: Command, terminal: Terminal): void {
  const group = program
    .command('access-key')
    .description('Access keys for HTTP Basic: Grafana, Prometheus, scripts');
  group
    .command('create')
    .description('Makes an access key. It is stored nowhere: keep what is printed.')
    .requiredOption('--account <id>', 'the account that the key is for')
    .option('--role <role>', 'what the key may do', 'viewer')
    .option('--json', 'print JSON', false)
    .action((options: CreateOptions) => create(options, terminal));
}

function create({ account, role, json }: CreateOptions, { loadConfig, write, note }: Terminal): void {
  const keys = createAccessKeys(loadConfig());
  if (keys === null) {
    throw new StartError('ACCESS_KEY_SECRET: expected at least 32 random bytes (got nothing)', 78);
  }
  const key = keys.issue({ accountId: account, role });
  write(json ? `${JSON.stringify(key)}\n` : asText(key));
  note(`The key is good wherever ACCESS_KEY_SECRET is the same. ACCESS_KEY_REVOKED=${key.id} revokes it.\n`);
}

function asText({ username, password }: AccessKey): string {
  return `username: ${username}\npassword: ${password}\n`;
}
