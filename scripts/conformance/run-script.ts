import { type Outcome, runCase } from './run-case.ts';
import { parseScript } from './script.ts';
import { Store } from './store.ts';

export interface ScriptReport {
  readonly passed: number;
  readonly skipped: readonly { readonly line: number; readonly expr: string; readonly reason: string }[];
  readonly failed: readonly { readonly line: number; readonly expr: string; readonly reason: string }[];
}

/** Runs one script from its first line to its last. */
export async function runScript(text: string): Promise<ScriptReport> {
  const store = new Store();
  const outcomes: { readonly line: number; readonly expr: string; readonly outcome: Outcome }[] = [];
  for (const command of parseScript(text)) {
    if (command.kind === 'clear') store.clear();
    else if (command.kind === 'load') store.load(command);
    else if (command.kind === 'unknown') {
      const { line, head, reason } = command;
      outcomes.push({ line, expr: head, outcome: { kind: 'failed', reason } });
    } else outcomes.push({ line: command.line, expr: command.expr, outcome: await runCase(command, store) });
  }
  const of = (kind: 'skipped' | 'failed') =>
    outcomes.flatMap(({ line, expr, outcome }) =>
      outcome.kind === kind ? [{ line, expr, reason: outcome.reason }] : [],
    );
  const failed = of('failed');
  const skipped = of('skipped');
  return { passed: outcomes.length - failed.length - skipped.length, failed, skipped };
}
