import type { Config } from '../../config.ts';
import type { Actor } from '../../services/context.ts';
import { isLoopback } from './peer-address.ts';

/** Signs of a proxy: behind one, a loopback peer says nothing about who asks. */
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
];

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/**
 * The reader of the account `primary` that NSELF_ADMIN_OPEN_READ lets in without credentials; null for a
 * request that is not surely from this machine. The Host is checked since a web page can point a name of its
 * own at 127.0.0.1.
 */
export function openReader(
  request: Request,
  peerAddress: string | undefined,
  { nselfAdminOpenRead }: Pick<Config, 'nselfAdminOpenRead'>,
): Actor | null {
  const isOpen =
    nselfAdminOpenRead &&
    isLoopback(peerAddress) &&
    LOCAL_HOST.test(request.headers.get('host') ?? '') &&
    !FORWARDING_HEADERS.some((name) => request.headers.has(name)) &&
    !request.headers.has('authorization') &&
    !request.headers.has('x-plugin-secret');
  return isOpen ? { accountId: 'primary', role: 'viewer', canWrite: false } : null;
}
