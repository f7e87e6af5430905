import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { locateJsonFault } from '../../../src/api/rest/locate-json-fault.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('where a text stops being JSON', () => {
  test.each<[string, number, number, boolean]>([
    ['{', 1, 2, true],
    ['{"a": 1', 1, 8, true],
    ['{"a": "b', 1, 9, true],
    ['{"a": 1,}', 1, 9, false],
    ['[1 2]', 1, 4, false],
    ['{"a" 1}', 1, 6, false],
    ['{a: 1}', 1, 2, false],
    ['{\n  "a": NaN\n}', 2, 8, false],
    ['{\n  "a": 01\n}', 2, 9, false],
    ['["a\tb"]', 1, 4, false],
    ['["\\x"]', 1, 3, false],
    ['["\\u12g4"]', 1, 3, false],
    ['{} {}', 1, 4, false],
    ['[1]]', 1, 4, false],
    ["{'a': 1}", 1, 2, false],
    ['[tru', 1, 2, false],
  ])('%j: line %i, column %i', (text, line, column, atEnd) => {
    expect(isJson(text)).toBe(false);
    expect(locateJsonFault(text)).toEqual({ line, column, atEnd });
  });

  test('a control character anywhere in JSON is found where it is, or at the word or escape that it breaks', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, position) => {
        const at = position % (json.length + 1);
        const { line, column } = locateJsonFault(`${json.slice(0, at)}\u0001${json.slice(at)}`);
        const offset = column - 1;
        expect(line).toBe(1);
        expect(offset).toBeLessThanOrEqual(at);
        expect(offset).toBeGreaterThan(at - '\\u0000'.length);
      }),
    );
  });
});
