import { createHash } from 'node:crypto';
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute } from 'graphql';
import { createLRUCache, isAsyncIterable, mapAsyncIterator } from 'graphql-yoga';

/** How long after the first who needs a result the others may come for it: those who read a little slower. */
const SHARED_MS = 1000;
/** Results that are held at a time. */
const MAX_RESULTS = 256;

type Subscribe = (args: ExecutionArgs) => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;

/**
 * Subscribes like graphql-js, but makes a result once for all who have asked the same of the same event: an event
 * is the same object, a document the same parsed one. Events reach only those who may see all of what they tell,
 * so that nothing in a result depends on who asks. A result with errors is not shared: each names its request.
 */
export function createSharedSubscribe(): Subscribe {
  const numbers = new WeakMap<object, number>();
  let lastNumber = 0;
  const results = createLRUCache<Promise<ExecutionResult>>({ max: MAX_RESULTS, ttl: SHARED_MS });

  function numberOf(thing: object): number {
    const known = numbers.get(thing);
    if (known !== undefined) return known;
    lastNumber += 1;
    numbers.set(thing, lastNumber);
    return lastNumber;
  }

  async function resultOf(event: unknown, args: ExecutionArgs, asked: string): Promise<ExecutionResult> {
    const make = async (): Promise<ExecutionResult> => execute({ ...args, rootValue: event });
    if (typeof event !== 'object' || event === null) return make();
    const key = `${numberOf(event)} ${asked}`;
    const shared = await results.get(key)?.catch(() => null);
    if (shared !== undefined) return shared === null || shared.errors !== undefined ? make() : shared;
    const result = make();
    results.set(key, result);
    return result;
  }

  return async (args) => {
    const events = await createSourceEventStream(args);
    if (!isAsyncIterable<unknown>(events)) return events;
    const asked = `${numberOf(args.document)} ${inputOf(args)}`;
    return mapAsyncIterator(events, (event) => resultOf(event, args, asked));
  };
}

/** What beside the document decides what is asked; short, however long the variables are. */
function inputOf({ operationName, variableValues }: ExecutionArgs): string {
  const text = JSON.stringify([operationName ?? null, variableValues ?? null]);
  return createHash('sha256').update(text).digest('base64');
}
