import { parseScript } from '../../scripts/conformance/script.ts';
import { Store } from '../../scripts/conformance/store.ts';
import { type EngineOptions, evaluateInstant, evaluateRange } from '../../src/promql/engine.ts';
import { formatLabels } from '../../src/promql/format-labels.ts';
import { parsePromql } from '../../src/promql/parser.ts';
import type { QueryResult } from '../../src/promql/result.ts';

const NEVER = new AbortController().signal;

/** Series as a test script's `load` writes them, and queries over them; times in seconds. */
export function promqlStore(load: string) {
  const store = new Store();
  for (const command of parseScript(load)) if (command.kind === 'load') store.load(command);
  const query = (text: string, options: Partial<EngineOptions>, signal: AbortSignal) => ({
    text,
    expr: parsePromql(text),
    source: store.source(() => {}),
    signal,
    options,
  });
  return {
    at: (text: string, seconds: number, options: Partial<EngineOptions> = {}, signal = NEVER) =>
      evaluateInstant(query(text, options, signal), seconds * 1000),
    range: (
      text: string,
      [from, to, step]: readonly [from: number, to: number, step: number],
      options: Partial<EngineOptions> = {},
      signal = NEVER,
    ) => evaluateRange(query(text, options, signal), from * 1000, to * 1000, step * 1000),
  };
}

/** An answer in a line a series: `{a="1"} 5`, or `{a="1"} 5@60` with times in seconds. */
export function linesOf({ value }: QueryResult): string[] {
  switch (value.type) {
    case 'scalar':
    case 'string':
      return [String(value.value)];
    case 'vector':
      return value.samples.map(({ labels, value: sample }) => `${formatLabels(labels)} ${sample}`);
    case 'matrix':
      return value.series.map(
        ({ labels, times, values }) =>
          `${formatLabels(labels)} ${Array.from(values, (one, i) => `${one}@${(times[i] ?? 0) / 1000}`).join(' ')}`,
      );
  }
}
