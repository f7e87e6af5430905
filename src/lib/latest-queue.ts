/**
 * What waits for a reader: of each key the latest value alone. However slow the reader, it holds no more than
 * there are keys, and the reader skips what is overtaken.
 */
export interface LatestQueue<Key, Value> extends AsyncIterableIterator<Value> {
  put(key: Key, value: Value): void;
  /** Takes nothing more. What waits is still read; then the iteration is over. */
  end(): void;
  /** Ends the iteration at once. */
  return(): Promise<IteratorResult<Value>>;
}

/** `onEnd` is called once, when it takes nothing more. For one reader at a time. */
export function createLatestQueue<Key, Value>(onEnd: () => void): LatestQueue<Key, Value> {
  const waiting = new Map<Key, Value>();
  let readers: ((result: IteratorResult<Value>) => void)[] = [];
  let isEnding = false;

  function close(): void {
    if (isEnding) return;
    isEnding = true;
    onEnd();
  }

  function finish(): IteratorResult<Value> {
    close();
    waiting.clear();
    return { done: true, value: undefined };
  }

  function take(): IteratorResult<Value> | null {
    const [first] = waiting;
    if (first !== undefined) {
      const [key, value] = first;
      waiting.delete(key);
      return { done: false, value };
    }
    return isEnding ? finish() : null;
  }

  /** Hands out what there is to those who wait for it. */
  function serve(): void {
    while (readers.length > 0) {
      const result = take();
      if (result === null) return;
      const [reader, ...others] = readers;
      readers = others;
      reader?.(result);
    }
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    put(key, value) {
      if (isEnding) return;
      // A key that waits already keeps its place.
      waiting.set(key, value);
      serve();
    },
    end() {
      close();
      serve();
    },
    async next() {
      const result = take();
      if (result !== null) return result;
      return new Promise((resolve) => {
        readers.push(resolve);
      });
    },
    async return() {
      const result = finish();
      serve();
      return result;
    },
  };
}
