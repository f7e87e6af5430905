/**
 * How often a property is tried, with histories that differ from run to run. What fails is reported with its seed:
 * `PROPERTY_SEED` draws the same histories again, `PROPERTY_RUNS` more of them.
 * With `fixedSeed` the histories are the same each time, unless a seed is given.
 */
export function propertyRuns(
  numRuns: number,
  fixedSeed?: number,
): { numRuns: number; seed?: number; endOnFailure: true } {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  const seed = PROPERTY_SEED ?? fixedSeed;
  return {
    numRuns: Number(PROPERTY_RUNS ?? numRuns),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    endOnFailure: true,
  };
}
