import { join } from 'node:path';
import { inject } from 'vitest';
import { builtName } from './build-service.ts';

/** A program of `src`, `scripts` or `test` as it is built, by its path in the checkout: what Node is given to start it. */
export const builtProgram = (source: `${string}.ts`): string =>
  join(inject('builtFolder'), builtName(source));
