import type { SeriesStore } from '../storage/series-source.ts';
import type { ServiceContext } from './context.ts';

export type { SeriesStore } from '../storage/series-source.ts';

/** What the verbs over metrics run in. */
export interface SeriesContext extends ServiceContext {
  readonly series: SeriesStore;
}
