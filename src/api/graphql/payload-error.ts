import { type ErrorDetail, ServiceError, type ServiceErrorCode } from '../../lib/errors.ts';
import { builder } from './builder.ts';
import { clientPath } from './client-path.ts';
import { ErrorCodeEnum } from './enums.ts';

interface PayloadError extends ErrorDetail {
  readonly code: ServiceErrorCode;
}

export const NpSloError = builder.objectRef<PayloadError>('NpSloError').implement({
  description: 'Why a mutation was not done.',
  fields: (t) => ({
    path: t.exposeString('path', {
      description:
        'Where in the input, as the client wrote it: `objectives[0].timeSliceTarget`; empty for the whole.',
    }),
    code: t.field({ type: ErrorCodeEnum, description: 'What kind of fault.', resolve: (e) => e.code }),
    message: t.exposeString('message', { description: 'A sentence for people.' }),
  }),
});

/** What a mutation answers: the fruit of its work, or why there is none. */
export type Payload<T> =
  | { readonly result: T; readonly errors: readonly [] }
  | { readonly result: null; readonly errors: readonly PayloadError[] };

/** Does the work of a mutation; what the client can mend is data, everything else is thrown. */
export async function toPayload<T>(work: () => Promise<T>): Promise<Payload<T>> {
  try {
    return { result: await work(), errors: [] };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message, details } = error;
    const errors = details.map((detail) => ({
      code,
      path: clientPath(detail.path),
      message: detail.message,
    }));
    return { result: null, errors: errors.length > 0 ? errors : [{ code, path: '', message }] };
  }
}
