import type { ServiceContext } from '../../services/context.ts';
import type { StatusHub } from '../../services/status-hub.ts';
import type { Batchers } from './batchers.ts';

/** What every resolver gets; made anew for each request. */
export interface GraphqlContext {
  readonly services: ServiceContext;
  readonly batchers: Batchers;
  readonly hub: StatusHub;
  /** Named in masked errors and in the log line with their cause. */
  readonly requestId: string;
}
