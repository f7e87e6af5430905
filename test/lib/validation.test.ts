import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ServiceError } from '../../src/lib/errors.ts';
import { parseOrThrow, renderPath } from '../../src/lib/validation.ts';

const schema = z.strictObject({
  name: z.string().min(2).max(4),
  count: z.int().min(1).optional(),
  items: z
    .array(z.strictObject({ size: z.number() }))
    .max(2)
    .optional(),
  kind: z.enum(['a', 'b']).optional(),
  tags: z.record(z.string().regex(/^[a-z]+$/, { error: 'must be lower case' }), z.string()).optional(),
});

function failure(input: unknown): ServiceError {
  try {
    parseOrThrow(schema, input, 'The thing is not valid.');
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('It was valid.');
}

test('a valid input comes back typed', () => {
  expect(parseOrThrow(schema, { name: 'abc', items: [{ size: 1 }] }, '')).toEqual({
    name: 'abc',
    items: [{ size: 1 }],
  });
});

test('a fault is a ServiceError with the message of the caller', () => {
  expect(failure({})).toMatchObject({
    code: 'invalid',
    message: 'The thing is not valid.',
    details: [{ path: 'name', message: 'is required' }],
  });
});

describe('details', () => {
  test.each<[unknown, string, string]>([
    [undefined, '', 'is required'],
    [[], '', 'must be an object'],
    [{ name: 1 }, 'name', 'must be a string'],
    [{ name: 'a' }, 'name', 'must have at least 2 characters'],
    [{ name: 'abcde' }, 'name', 'must have at most 4 characters'],
    [{ name: 'ab', count: 1.5 }, 'count', 'must be a whole number'],
    [{ name: 'ab', count: Number.NaN }, 'count', 'must be a finite number'],
    [{ name: 'ab', count: 0 }, 'count', 'must be at least 1'],
    [{ name: 'ab', kind: 'c' }, 'kind', 'must be one of "a", "b"'],
    [{ name: 'ab', items: {} }, 'items', 'must be a list'],
    [{ name: 'ab', items: [{ size: 1 }, {}] }, 'items[1].size', 'is required'],
    [{ name: 'ab', items: [{ size: 1, x: 1 }] }, 'items[0].x', 'is not a known field'],
    [{ name: 'ab', items: [{ size: 1 }, { size: 1 }, { size: 1 }] }, 'items', 'must have at most 2 items'],
    [{ name: 'ab', tags: { A: 'x' } }, 'tags.A', 'the name must be lower case'],
    [JSON.parse('{"name":"ab","tags":{"__proto__":"x"}}'), 'tags.__proto__', 'is not a known field'],
  ])('%j', (input, path, message) => {
    expect(failure(input).details).toEqual([{ path, message }]);
  });

  test('two unknown fields are two faults', () => {
    expect(failure({ name: 'ab', x: 1, y: 2 }).details.map(({ path }) => path)).toEqual(['x', 'y']);
  });

  test('a body nested ten thousand deep is refused like any other', () => {
    let deep: unknown = 1;
    for (let k = 0; k < 10_000; k += 1) deep = { x: deep };
    expect(failure({ name: 'ab', deep }).details).toEqual([
      { path: 'deep', message: 'is not a known field' },
    ]);
  });
});

test('paths read like JavaScript', () => {
  expect(renderPath([])).toBe('');
  expect(renderPath(['objectives', 0, 'target'])).toBe('objectives[0].target');
});
