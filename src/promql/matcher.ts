import type { Labels } from './labels.ts';
import { labelValue } from './labels.ts';
import { compileRegexp } from './regexp.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

/** One condition on one label; a label that is not there has the value `''`. */
export interface Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  readonly matches: (value: string) => boolean;
}

/**
 * Regular expressions have Go's syntax, match the whole value, and take linear time.
 * @throws RegexpError for an expression that Go would refuse too.
 */
export function makeMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  return { name, operator, value, matches: conditionOf(operator, value) };
}

export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name)));
}

function conditionOf(operator: MatchOperator, value: string): (value: string) => boolean {
  switch (operator) {
    case '=':
      return (candidate) => candidate === value;
    case '!=':
      return (candidate) => candidate !== value;
    case '=~':
      return wholeMatch(value);
    case '!~': {
      const matches = wholeMatch(value);
      return (candidate) => !matches(candidate);
    }
  }
}

const MAX_KNOWN = 1000;
const PLAIN_ALTERNATIVES = /^[A-Za-z0-9_\-/ :|]*$/;

function wholeMatch(expression: string): (value: string) => boolean {
  // Dashboards write these all the time, and none needs the machine.
  if (expression === '.*') return () => true;
  if (expression === '.+') return (candidate) => candidate !== '';
  if (PLAIN_ALTERNATIVES.test(expression)) {
    const alternatives = new Set(expression.split('|'));
    return (candidate) => alternatives.has(candidate);
  }
  const pattern = compileRegexp(expression);
  // The same few values come with every series.
  const known = new Map<string, boolean>();
  return (candidate) => {
    const before = known.get(candidate);
    if (before !== undefined) return before;
    const matches = pattern.matches(candidate);
    if (known.size < MAX_KNOWN) known.set(candidate, matches);
    return matches;
  };
}
