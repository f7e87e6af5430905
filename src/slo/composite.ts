import { MINUTE_MS } from '../lib/duration.ts';
import type { DefinitionRevision, ResolvedComponent } from './definition.ts';

/** What of a component a composite looks at, for a stretch of minutes. One element a minute in each list. */
export interface ComponentMinutes {
  /** Start of the component's first minute with data; null for none. */
  readonly firstDataMs: number | null;
  /** Start of its newest minute with data before the stretch; null for none. */
  readonly newestBeforeMs: number | null;
  /** Its share of good; NaN where there is none. */
  readonly quality: Float64Array;
  /** From when on the quality is known; Infinity for never. */
  readonly knownAt: Float64Array;
  /** From when on the minute is data of the component; Infinity for never. */
  readonly dataAt: Float64Array;
  /** Until when the minute is waited for in any case, as in a time slice that is not complete; 0 for not at all. */
  readonly openUntil: Float64Array;
  /** 1 where the minute lies in an adjustment of the component. */
  readonly adjusted: Uint8Array;
}

/** The stretch of minutes `[fromMs, untilMs)` of a composite, and what its components say of them. */
export interface CompositeStretch {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly revisions: readonly DefinitionRevision[];
  /** By `componentKey`. One whose SLO is gone is missing. */
  readonly components: ReadonlyMap<string, ComponentMinutes>;
}

/** 0 used, 1 counted as good, 2 counted as bad, 3 ignored or left out. */
export type WasDelayed = 0 | 1 | 2 | 3;

/** How a minute of a composite came out. */
export interface CompositeMinute {
  readonly minuteMs: number;
  /** From when on it counts; Infinity while it is waited for. */
  readonly evaluatedAtMs: number;
  /** The weighted mean; null where no component enters, and so nothing is observed. */
  readonly quality: number | null;
  /** In the order of the rule in force. */
  readonly components: readonly {
    readonly key: string;
    readonly weight: number;
    /** Null where it is left out. */
    readonly quality: number | null;
    readonly wasDelayed: WasDelayed;
  }[];
}

/** What was known of a composite at the end of a minute. */
export interface CompositeInstant {
  readonly atMs: number;
  /** Where burn-rate lookbacks end: earlier than `atMs` while the composite waits. */
  readonly lookbackEndMs: number;
  /** Seconds behind the newest data of any component in force, by key; none for one without data yet. */
  readonly delays: ReadonlyMap<string, number>;
}

export interface EvaluatedComposite {
  /** One a minute of the stretch, from the first data of any component on. */
  readonly minutes: readonly CompositeMinute[];
  /** One a minute of the stretch, at its end. */
  readonly instants: readonly CompositeInstant[];
  /** Ends of the composite's time slices that are complete, and since when they count. */
  readonly slices: ReadonlyMap<number, number>;
}

/** What a component is known by through all revisions. */
export function componentKey({ sloId, objective }: Pick<ResolvedComponent, 'sloId' | 'objective'>): string {
  return `${sloId}/${objective}`;
}

/** Every component that a composite has or had, each once, in the order in which they came: their places for good. */
export function everyComponent(revisions: readonly DefinitionRevision[]): readonly ResolvedComponent[] {
  const known = new Map<string, ResolvedComponent>();
  for (const { composite } of revisions) {
    for (const component of composite?.components ?? []) {
      const key = componentKey(component);
      if (!known.has(key)) known.set(key, component);
    }
  }
  return [...known.values()];
}

/** How long after its end a minute may be waited for, at most: twice the delay, or the components' slices. */
export function waitingReach(revisions: readonly DefinitionRevision[], longestSliceMs: number): number {
  const delays = revisions.map(({ composite }) => composite?.maxDelayMs ?? 0);
  return 2 * Math.max(0, ...delays) + longestSliceMs + MINUTE_MS;
}

/** A component of the rule in force, and what it says of the stretch. */
export interface Entering {
  readonly component: ResolvedComponent;
  readonly key: string;
  readonly minutes: ComponentMinutes;
}

/** The weighted mean of the components that enter minute `k` of the stretch. */
export function mixMinute(
  entering: readonly Entering[],
  minuteMs: number,
  k: number,
): Pick<CompositeMinute, 'quality' | 'components'> {
  const components = entering.map((one) => entered(one, minuteMs, k));
  let good = 0;
  let weight = 0;
  for (const one of components) {
    if (one.quality === null) continue;
    good += one.weight * one.quality;
    weight += one.weight;
  }
  return { quality: weight === 0 ? null : good / weight, components };
}

/** How a component enters a minute that has been decided on. */
function entered(
  { component, key, minutes }: Entering,
  minuteMs: number,
  k: number,
): CompositeMinute['components'][number] {
  const { weight, whenDelayed } = component;
  const leftOut = { key, weight, quality: null, wasDelayed: 3 } as const;
  if (minutes.firstDataMs === null || minuteMs < minutes.firstDataMs || minutes.adjusted[k] === 1)
    return leftOut;
  const quality = minutes.quality[k] ?? Number.NaN;
  if (!Number.isNaN(quality)) return { key, weight, quality, wasDelayed: 0 };
  if (Number.isFinite(minutes.dataAt[k] ?? Number.POSITIVE_INFINITY)) return leftOut;
  switch (whenDelayed) {
    case 'count_as_good':
      return { key, weight, quality: 1, wasDelayed: 1 };
    case 'count_as_bad':
      return { key, weight, quality: 0, wasDelayed: 2 };
    case 'ignore':
      return leftOut;
  }
}
