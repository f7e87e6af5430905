/**
 * How often a property is tried, with histories that differ from run to run. What fails is reported with its seed:
 * `PROPERTY_SEED` draws the same histories again, `PROPERTY_RUNS` more of them.
 */
export function propertyRuns(numRuns: number): { numRuns: number; seed?: number; endOnFailure: true } {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  return {
    numRuns: Number(PROPERTY_RUNS ?? numRuns),
    ...(PROPERTY_SEED === undefined ? {} : { seed: Number(PROPERTY_SEED) }),
    endOnFailure: true,
  };
}
