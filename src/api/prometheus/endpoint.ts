import type { SeriesContext } from '../../services/series-context.ts';
import type { RequestParameters } from './request-parameters.ts';

/** A request of somebody who is known. */
export interface Call {
  readonly ctx: SeriesContext;
  readonly parameters: RequestParameters;
  /** `{name}` of the path; '' where it has none. */
  readonly name: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** Of the tracker. */
  readonly version: string;
}

export interface EndpointParameter {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  /** Whether it may be given several times. */
  readonly repeated?: boolean;
}

export interface PrometheusEndpoint {
  /** Behind the base, `/query`; `{name}` stands for a label. */
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST')[];
  readonly summary: string;
  readonly parameters: readonly EndpointParameter[];
  readonly handle: (call: Call) => Promise<Response>;
}
