import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { episodesOf } from '../../src/slo/alert-runs.ts';
import {
  type BruteChange,
  type BruteCondition,
  type BruteMinute,
  bruteChanges,
  bruteHolds,
} from '../support/brute-alerts.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
/** In minutes since the epoch; the history begins here. */
const START = Date.UTC(2026, 10, 18, 11, 20) / MINUTE_MS;
const MINUTES = 60;
const END = START + MINUTES;
const WINDOW = 90;

/** A stretch of minutes that are alike; null: nothing came in. */
const stretch = fc.record({
  length: fc.integer({ min: 1, max: 12 }),
  bad: fc.oneof(fc.constant(0), fc.constant(null), fc.integer({ min: 0, max: 20 })),
});

const rateCondition = fc.record({
  type: fc.constant('burn_rate' as const),
  long: fc.integer({ min: 5, max: 25 }),
  short: fc.integer({ min: 1, max: 5 }),
  factor: fc.double({ min: 0.3, max: 5, noNaN: true }),
});
const conditions: fc.Arbitrary<BruteCondition> = fc.oneof(
  { weight: 3, arbitrary: rateCondition },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('budget' as const),
      below: fc.double({ min: -0.5, max: 0.9, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('time_to_exhaustion' as const),
      belowSeconds: fc.integer({ min: 10, max: 300 }).map((minutes) => minutes * 60),
    }),
  },
);

const histories = fc.record({
  stretches: fc.array(stretch, { minLength: 12, maxLength: 30 }),
  conditions: fc.uniqueArray(conditions, { minLength: 1, maxLength: 4, selector: keyOf }),
  resolveAfter: fc.integer({ min: 2, max: 8 }),
  timeslices: fc.boolean(),
  targets: fc.constantFrom([0.9], [0.8, 0.95]),
  /** Decides what happens in what order. */
  chances: fc.infiniteStream(fc.nat(999)),
});

type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

function keyOf(condition: BruteCondition): string {
  switch (condition.type) {
    case 'burn_rate':
      return `burn_rate:${condition.long}m:${condition.short}m:${severityOf(condition)}`;
    case 'budget':
      return `budget:${condition.below}:page`;
    case 'time_to_exhaustion':
      return `time_to_exhaustion:${duration(condition.belowSeconds / 60)}:page`;
  }
}

/** Tickets are asked about their short window first, pages about the long one. */
const severityOf = (condition: BruteCondition): 'page' | 'ticket' =>
  condition.type === 'burn_rate' && condition.long % 2 === 1 ? 'ticket' : 'page';

const duration = (minutes: number): string => (minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`);

function minutesOf({ stretches }: History): Map<number, BruteMinute> {
  const minutes = new Map<number, BruteMinute>();
  let minute = START;
  for (const { length, bad } of stretches) {
    for (let i = 0; i < length && minute < END; i += 1, minute += 1) {
      if (bad !== null) minutes.set(minute, { good: 20 - bad, total: 20 });
    }
  }
  return minutes;
}

function conditionInput(condition: BruteCondition, resolveAfter: number): object {
  const fields = {
    type: condition.type,
    severity: severityOf(condition),
    resolve_after: `${resolveAfter}m`,
  };
  switch (condition.type) {
    case 'burn_rate': {
      const { long, short, factor } = condition;
      return { ...fields, long_window: `${long}m`, short_window: `${short}m`, factor };
    }
    case 'budget':
      return { ...fields, below: condition.below };
    case 'time_to_exhaustion':
      return { ...fields, below: `${condition.belowSeconds}s` };
  }
}

/** How each alert changes by semantics 4, minute by minute up to `until`. */
function expectedChanges(history: History, until: number): Record<string, BruteChange[]> {
  const minutes = minutesOf(history);
  const expected: Record<string, BruteChange[]> = {};
  history.targets.forEach((target, i) => {
    const objective = {
      name: `o${i}`,
      target,
      sliceTarget: history.timeslices ? 0.75 : null,
      windowMinutes: WINDOW,
    };
    for (const condition of history.conditions) {
      const holds = (at: number): boolean => bruteHolds(minutes, objective, condition, at);
      const changes = bruteChanges(holds, history.resolveAfter, START, until);
      if (changes.length > 0) expected[`o${i}/${keyOf(condition)}`] = changes;
    }
  });
  return expected;
}

/** Replicas on one database, with one time. Each is replaced now and then, as by a restart. */
class Replicas {
  #all: TestEnvironment[];
  readonly #account: string;
  #minute: number;

  constructor(account: string, minute: number) {
    this.#account = account;
    this.#minute = minute;
    this.#all = [0, 1, 2].map(() => this.#start());
  }

  #start(): TestEnvironment {
    return createTestEnvironment(database, this.#minute * MINUTE_MS + 20 * SECOND_MS);
  }

  get minute(): number {
    return this.#minute;
  }

  set minute(minute: number) {
    this.#minute = minute;
    for (const { clock } of this.#all) clock.set(minute * MINUTE_MS + 20 * SECOND_MS);
  }

  one(chance: number): TestEnvironment {
    const index = chance % this.#all.length;
    if (chance % 5 === 0) this.#all = this.#all.with(index, this.#start());
    return this.#all[index] ?? this.#start();
  }

  ctx(chance: number): ServiceContext {
    return actingAs(this.one(chance), this.#account);
  }
}

let accounts = 0;

/** A history's SLO without data, and what is done with it. */
async function begin(history: History, minute: number) {
  accounts += 1;
  const replicas = new Replicas(`history-${accounts}`, minute);
  const chances = history.chances;
  const chance = (): number => chances.next().value;
  const ctx = replicas.ctx(1);
  const slices = { budgeting_method: 'timeslices', time_slice_window: '1m' };
  const { id } = await createSlo({
    ctx,
    input: {
      name: 'api',
      time_window: { type: 'rolling', duration: `${WINDOW}m` },
      ...(history.timeslices ? slices : {}),
      objectives: history.targets.map((target, i) => ({
        name: `o${i}`,
        target,
        ...(history.timeslices ? { time_slice_target: 0.75 } : {}),
      })),
      alert_policy: {
        conditions: history.conditions.map((one) => conditionInput(one, history.resolveAfter)),
      },
    },
  });
  const told = new Map<string, { readonly alert: string; readonly change: BruteChange }>();
  return {
    replicas,
    chance,
    async push(minutes: readonly (readonly [number, BruteMinute])[]) {
      const points = minutes.map(([minute, counts]) => ({
        at: new Date(minute * MINUTE_MS).toISOString(),
        ...counts,
      }));
      if (points.length > 0)
        await recordMeasurements({ ctx: replicas.ctx(chance()), input: { id, body: { points } } });
    },
    /** By one replica, or by two that meet. */
    async evaluate() {
      const two = [replicas.one(chance()), replicas.one(chance())];
      await Promise.all(two.slice(chance() % 2).map((env) => evaluate(env)));
    },
    /** Reads what is to be told so far: the outbox keeps the newest only. */
    async note() {
      const { alertOutbox } = await getSlo({ ctx, input: { id } });
      for (const { id: message, alert, sinceMs, endMs } of alertOutbox) {
        const end = endMs === null ? null : endMs / MINUTE_MS;
        if (!told.has(message)) told.set(message, { alert, change: [sinceMs / MINUTE_MS, end] });
      }
    },
    /** By alert, in the order of the outbox. */
    told(): Record<string, BruteChange[]> {
      const byAlert: Record<string, BruteChange[]> = {};
      for (const { alert, change } of told.values()) byAlert[alert] = [...(byAlert[alert] ?? []), change];
      return byAlert;
    },
    /** By alert, each time that it fired up to `until`, as it is kept. */
    async kept(until: number): Promise<Record<string, BruteChange[]>> {
      const { alerts } = await getSlo({ ctx, input: { id } });
      const entries = Object.entries(alerts).map(([alert, { runs }]) => [
        alert,
        episodesOf(runs, history.resolveAfter * MINUTE_MS, until * MINUTE_MS).flatMap(
          ({ sinceMs, endMs }): BruteChange[] => {
            const since = sinceMs / MINUTE_MS;
            return endMs === null
              ? [[since, null]]
              : [
                  [since, null],
                  [since, endMs / MINUTE_MS],
                ];
          },
        ),
      ]);
      return Object.fromEntries(entries.filter(([, changes]) => changes?.length !== 0));
    },
    async end() {
      await deleteSlo({ ctx, input: { id } });
    },
  };
}

const RUNS = propertyRuns(6);
const TIMEOUT_MS = 60_000 + RUNS.numRuns * 30_000;

test(
  'what is told in the course of time is what a minute-by-minute reading gives, over replicas and restarts',
  async () => {
    const inOrder = async (history: History): Promise<void> => {
      const slo = await begin(history, START);
      const data = [...minutesOf(history)];
      let done = 0;
      while (slo.replicas.minute < END) {
        // Mostly the next minute, now and then after a downtime.
        slo.replicas.minute = Math.min(END, slo.replicas.minute + (slo.chance() % 3 === 0 ? 8 : 2));
        const next = data.filter(([minute]) => minute < slo.replicas.minute).length;
        await slo.push(data.slice(done, next));
        // The same again changes nothing.
        if (slo.chance() % 4 === 0) await slo.push(data.slice(done, next));
        done = next;
        await slo.evaluate();
        await slo.note();
      }
      const expected = expectedChanges(history, END);
      expect(slo.told()).toEqual(expected);
      expect(await slo.kept(END)).toEqual(expected);
      await slo.end();
    };
    await fc.assert(fc.asyncProperty(histories, inOrder), RUNS);
  },
  TIMEOUT_MS,
);

test(
  'what is kept is what a minute-by-minute reading gives, in whatever order the data came',
  async () => {
    const shuffled = async (history: History): Promise<void> => {
      const slo = await begin(history, END);
      const rest = [...minutesOf(history)];
      while (rest.length > 0) {
        const some = Array.from({ length: Math.min(rest.length, 1 + (slo.chance() % 12)) }, () =>
          rest.splice(slo.chance() % rest.length, 1),
        ).flat();
        // Some come wrong at first.
        if (slo.chance() % 3 === 0) {
          await slo.push(some.map(([minute, { good, total }]) => [minute, { good: total - good, total }]));
        }
        slo.replicas.minute += slo.chance() % 3 === 0 ? 1 : 0;
        await Promise.all([slo.push(some), ...(slo.chance() % 2 === 0 ? [slo.evaluate()] : [])]);
        await slo.note();
      }
      slo.replicas.minute += 1;
      await slo.evaluate();
      await slo.note();
      const until = slo.replicas.minute;
      const expected = expectedChanges(history, until);
      expect(await slo.kept(until)).toEqual(expected);
      // On the way it was told what seemed so; it alternates, and at the end it is told how it stands.
      const told = slo.told();
      for (const [alert, changes] of Object.entries(told)) {
        expect(
          changes.map(([, end], i) => (end === null) === (i % 2 === 0)),
          alert,
        ).not.toContain(false);
      }
      for (const alert of new Set([...Object.keys(told), ...Object.keys(expected)])) {
        const fires = expected[alert]?.at(-1)?.[1] === null;
        expect(told[alert]?.at(-1)?.[1] === null, alert).toBe(fires);
      }
      await slo.end();
    };
    await fc.assert(fc.asyncProperty(histories, shuffled), RUNS);
  },
  TIMEOUT_MS,
);
