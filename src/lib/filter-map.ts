/**
 * What `pick` makes of the items, without those of which it makes nothing (null). Not a generator: whoever ends
 * the iteration ends it at once, also while it waits for the next item.
 */
export function filterMap<Item, Picked>(
  items: AsyncIterableIterator<Item>,
  pick: (item: Item) => Picked | null,
): AsyncIterableIterator<Picked> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const { done, value } = await items.next();
        if (done === true) return { done, value: undefined };
        const picked = pick(value);
        if (picked !== null) return { done: false, value: picked };
      }
    },
    async return() {
      await items.return?.();
      return { done: true, value: undefined };
    },
  };
}
