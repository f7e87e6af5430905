import { Command, CommanderError } from 'commander';
import { ServiceError, StartError } from '../lib/errors.ts';
import { ownVersion } from '../lib/own-version.ts';
import { addAccessKey } from './access-key.ts';
import { addBackfill } from './backfill.ts';
import { addReport } from './report.ts';
import type { Terminal } from './terminal.ts';

/** Each adds a command, from a file of its own. */
const COMMANDS: readonly ((program: Command, terminal: Terminal) => void)[] = [
  addAccessKey,
  addBackfill,
  addReport,
];

/**
 * Runs the command that the arguments name, and answers the exit code: 78 for a fault of the configuration, 1
 * for any other failure, each told in a line on standard error.
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = new Command('nself-slo-tracker')
    .description('Tracks service level objectives. Without a command it serves.')
    .version(ownVersion())
    .exitOverride()
    .configureOutput({ writeOut: terminal.write, writeErr: terminal.note });
  for (const add of COMMANDS) add(program, terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Has said already what it has to say.
    if (error instanceof CommanderError) return error.exitCode;
    terminal.note(`${lineOf(error)}\n`);
    return error instanceof StartError ? error.exitCode : 1;
  }
}

function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isExpected = error instanceof StartError || error instanceof ServiceError;
  return isExpected ? message : `Unexpected failure: ${message}`;
}
