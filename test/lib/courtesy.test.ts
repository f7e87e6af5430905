import { expect, test } from 'vitest';
import { type Courtesy, createCourtesy, LONGEST_WAIT_MS } from '../../src/lib/courtesy.ts';

/** A courtesy whose time goes on by what is slept. `meanwhile` is done in each sleep. */
function withFakeTime(meanwhile: (sleptMs: number) => Promise<void> | void = () => undefined) {
  let nowMs = 1_000_000;
  let sleptMs = 0;
  const courtesy = createCourtesy({
    now: () => nowMs,
    async sleep(ms, signal) {
      nowMs += ms;
      sleptMs += ms;
      await meanwhile(sleptMs);
      signal?.throwIfAborted();
    },
  });
  return {
    courtesy,
    slept: () => sleptMs,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

/** Begins a request; the result answers it. */
function begin(courtesy: Courtesy): () => Promise<void> {
  let end = (): void => undefined;
  const answered = courtesy.answering(
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  return () => {
    end();
    return answered;
  };
}

test('where nobody asks, work does not wait', async () => {
  const { courtesy, slept } = withFakeTime();
  await courtesy.turn();
  expect(slept()).toBe(0);
});

test('work waits until a request has its answer, and a moment longer', async () => {
  let answer = async (): Promise<void> => undefined;
  const { courtesy, slept } = withFakeTime((sleptMs) => (sleptMs === 50 ? answer() : undefined));
  answer = begin(courtesy);
  await courtesy.turn();
  // 50 ms to the answer, and 20 ms in which the next request might have come.
  expect(slept()).toBe(70);
});

test('a request that fails is no longer under way', async () => {
  const { courtesy, slept, pass } = withFakeTime();
  await expect(courtesy.answering(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(
    courtesy.answering(() => {
      throw new Error('at once');
    }),
  ).rejects.toThrow('at once');
  pass(20);
  await courtesy.turn();
  expect(slept()).toBe(0);
});

test('while requests never cease, each piece of work gets its turn after the longest wait', async () => {
  const { courtesy, slept } = withFakeTime();
  const answer = begin(courtesy);
  for (let piece = 1; piece <= 5; piece += 1) {
    await courtesy.turn();
    expect(slept()).toBe(piece * LONGEST_WAIT_MS);
  }
  await answer();
});

test('the last of several requests under way ends the wait', async () => {
  const { courtesy, slept } = withFakeTime((sleptMs) => {
    if (sleptMs === 30) return one();
    return sleptMs === 60 ? other() : undefined;
  });
  const one = begin(courtesy);
  const other = begin(courtesy);
  await courtesy.turn();
  expect(slept()).toBe(80);
});

test('who is told to stop does not wait to the end', async () => {
  const aborted = new AbortController();
  const { courtesy, slept } = withFakeTime((sleptMs) => {
    if (sleptMs === 40) aborted.abort(new Error('stopping'));
  });
  const answer = begin(courtesy);
  await expect(courtesy.turn(aborted.signal)).rejects.toThrow('stopping');
  expect(slept()).toBe(40);
  await expect(courtesy.turn(aborted.signal)).rejects.toThrow('stopping');
  expect(slept()).toBe(40);
  await answer();
});

test('by the real time too: a stop is heard at once', async () => {
  const courtesy = createCourtesy();
  const answer = begin(courtesy);
  const aborted = new AbortController();
  const turn = courtesy.turn(aborted.signal);
  aborted.abort();
  await expect(turn).rejects.toThrow();
  await answer();
  await courtesy.turn();
});
