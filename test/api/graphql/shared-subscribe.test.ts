import { buildSchema, type ExecutionResult, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createSharedSubscribe } from '../../../src/api/graphql/shared-subscribe.ts';

const schema = buildSchema('type Query { a: Int } type Subscription { change(of: Int): Int }');
const document = parse('subscription ($of: Int) { change(of: $of) }');

interface Ask {
  readonly events: readonly object[];
  readonly of?: number;
  readonly document?: typeof document;
}

/** One subscriber after another reads all of its events; `made` counts how often a result was made. */
async function readAll(
  asks: readonly Ask[],
  resolve: (event: unknown) => number,
): Promise<{ results: ExecutionResult[][]; made: number }> {
  let made = 0;
  const subscribe = createSharedSubscribe();
  const results: ExecutionResult[][] = [];
  for (const { events, of = 1, document: asked = document } of asks) {
    const stream = await subscribe({
      schema,
      document: asked,
      variableValues: { of },
      subscribeFieldResolver: async function* () {
        yield* events;
      },
      fieldResolver: (event) => {
        made += 1;
        return resolve(event);
      },
    });
    const heard: ExecutionResult[] = [];
    if (!(Symbol.asyncIterator in stream)) throw new Error('no stream');
    for await (const result of stream) heard.push(result);
    results.push(heard);
  }
  return { results, made };
}

describe('what subscribers share', () => {
  const first = { n: 1 };
  const second = { n: 2 };
  let last = 0;
  const counted = () => {
    last += 1;
    return last;
  };

  it('is made once for those who ask the same of the same event', async () => {
    const { results, made } = await readAll(
      [{ events: [first, second] }, { events: [first, second] }, { events: [second] }],
      counted,
    );
    expect(made).toBe(2);
    const [one, other, third] = results;
    expect(other).toEqual(one);
    expect(third).toEqual(one?.slice(1));
  });

  it.each([
    ['another event, though it says the same', [{ events: [{ n: 1 }] }, { events: [{ n: 1 }] }]],
    ['other variables', [{ events: [first] }, { events: [first], of: 2 }]],
    [
      'another document',
      [{ events: [first] }, { events: [first], document: parse('subscription { change }') }],
    ],
  ])('is not taken for %s', async (_name, asks) => {
    expect((await readAll(asks, counted)).made).toBe(2);
  });

  it('is no failure: each subscriber tries for itself', async () => {
    let tries = 0;
    const { results, made } = await readAll(
      [{ events: [first] }, { events: [first] }, { events: [first] }],
      () => {
        tries += 1;
        if (tries < 3) throw new Error(`try ${tries}`);
        return tries;
      },
    );
    expect(made).toBe(3);
    expect(results.map(([result]) => result?.errors?.[0]?.message ?? result?.data?.change)).toEqual([
      'try 1',
      'try 2',
      3,
    ]);
  });
});
