import { isAccountId } from '../../lib/account-id.ts';
import { ServiceError } from '../../lib/errors.ts';

/** The account id as it is, or a ServiceError `malformed`. */
export function accountOf(text: string): string {
  if (isAccountId(text)) return text;
  throw new ServiceError(
    'malformed',
    'The account id is not valid: it has 1 to 128 letters, digits and the characters _ . : -',
  );
}
