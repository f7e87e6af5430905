import './access-key.ts';
import './adjustment.ts';
import './burn-rate.ts';
import './measurement.ts';
import './report.ts';
import './report-group.ts';
import './scalars.ts';
import './slo-mutations.ts';
import './slo-subscription.ts';
import './slo.ts';
import './snapshot.ts';
import { builder } from './builder.ts';

/** Every type has put itself on the builder by now. */
export const schema = builder.toSchema({ sortSchema: false });
