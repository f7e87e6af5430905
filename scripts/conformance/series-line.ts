import { type Labels, makeLabels } from '../../src/promql/labels.ts';
import { parseGoFloat } from '../../src/promql/number-format.ts';
import { parseSelector } from '../../src/promql/parse-selector.ts';
import { TokenReader } from '../../src/promql/token-reader.ts';

/**
 * A value of a series line: a number, a gap, a staleness marker, or, as `native`, what a float cannot hold: a native
 * histogram or a sample with a start timestamp, whose content is not read.
 */
export type Item = number | 'gap' | 'stale' | 'native';

export interface SeriesLine {
  readonly labels: Labels;
  readonly items: readonly Item[];
}

/** `metric{label="value"} 0 1+2x3 _ stale`. */
export function parseSeriesLine(line: string): SeriesLine {
  const end = endOfLabels(line);
  return { labels: parseLabels(line.slice(0, end)), items: parseItems(line.slice(end)) };
}

function endOfLabels(line: string): number {
  let quoteMark = '';
  let inBraces = false;
  for (let i = 0; i < line.length; i += 1) {
    const character = line[i] ?? '';
    if (quoteMark !== '') {
      if (character === '\\' && quoteMark !== '`') i += 1;
      else if (character === quoteMark) quoteMark = '';
    } else if (character === '"' || character === "'" || character === '`') quoteMark = character;
    else if (character === '{') inBraces = true;
    else if (character === '}') inBraces = false;
    else if (!inBraces && /\s/.test(character)) return i;
  }
  return line.length;
}

function parseLabels(text: string): Labels {
  const tokens = new TokenReader(text);
  const { matchers } = parseSelector(tokens, tokens.at('{') ? null : tokens.take());
  if (tokens.token.type !== 'end') throw tokens.unexpected('series');
  return makeLabels(matchers.map(({ name, value }) => [name, value]));
}

const NUMBER = '(?:inf|nan|(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?)';
const NATIVE = /^\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x(\d+))?(?=\s|$)/;
const SIMPLE = new RegExp(`^(_|stale|[+-]?${NUMBER})(?:([+-]${NUMBER})?x(\\d+))?$`, 'i');

function parseItems(text: string): Item[] {
  const items: Item[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const native = NATIVE.exec(rest);
    if (native !== null) {
      items.push(...repeated('native', Number(native[1] ?? 0) + 1));
      rest = rest.slice(native[0].length).trim();
      continue;
    }
    const word = /^\S+/.exec(rest)?.[0] ?? '';
    items.push(...parseItem(word));
    rest = rest.slice(word.length).trim();
  }
  return items;
}

const repeated = (item: Item, times: number): Item[] => new Array<Item>(times).fill(item);

function parseItem(word: string): Item[] {
  if (word.includes('@')) return repeated('native', Number(/x(\d+)/.exec(word)?.[1] ?? 0) + 1);
  const match = SIMPLE.exec(word);
  if (match === null) throw new Error(`not a value: ${word}`);
  const [, first = '', increment, times] = match;
  // Gaps are counted as they are; of a value there is always the one at the beginning too.
  if (first === '_') return repeated('gap', Number(times ?? 1));
  const count = Number(times ?? 0) + 1;
  if (first === 'stale') return repeated('stale', count);
  const step = increment === undefined ? 0 : numberOf(increment);
  const items: number[] = [];
  for (let value = numberOf(first); items.length < count; value += step) items.push(value);
  return items;
}

function numberOf(text: string): number {
  const value = parseGoFloat(text);
  if (value === null) throw new Error(`not a number: ${text}`);
  return value;
}
