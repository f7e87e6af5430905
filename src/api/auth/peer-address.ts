import { BlockList, isIP, isIPv6 } from 'node:net';

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** The other end of the connection, from what the Node adapter passes to `fetch`; undefined outside it. */
export function peerAddressOf(env: unknown): string | undefined {
  const address = property(property(property(env, 'incoming'), 'socket'), 'remoteAddress');
  return typeof address === 'string' ? address : undefined;
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = withoutMapping(address);
  return plain === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

/** An IPv4 address that came over an IPv6 socket, as it is written without. */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** Whom to count attempts for: the address, of IPv6 the /64 that one subscriber commonly holds whole. */
export function peerKey(address: string): string {
  const plain = withoutMapping(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':');
}

/**
 * The address that a request comes from: the peer's, or where the peer is a trusted proxy, the last one in
 * X-Forwarded-For that is not. Undefined without a connection.
 */
export function createClientAddress(
  trustedProxies: readonly string[],
): (request: Request, peerAddress: string | undefined) => string | undefined {
  const trusted = new BlockList();
  for (const entry of trustedProxies.flatMap((word) => (word === 'loopback' ? LOOPBACK : [word]))) {
    const [address = '', prefix] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  return (request, peerAddress) => {
    if (peerAddress === undefined) return undefined;
    let address = withoutMapping(peerAddress);
    const forwarded = request.headers.get('x-forwarded-for');
    if (forwarded === null) return address;
    const hops = forwarded.split(',').map((hop) => hop.trim());
    while (isTrusted(address)) {
      const hop = withoutMapping(hops.pop() ?? '');
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1'];
