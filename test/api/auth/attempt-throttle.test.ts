import { describe, expect, test } from 'vitest';
import { FAILED_ATTEMPTS } from '../../../src/api/auth/attempt-throttle.ts';
import { createClientAddress, isLoopback, peerKey } from '../../../src/api/auth/peer-address.ts';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createTokenBuckets } from '../../../src/api/token-buckets.ts';
import { authConfig } from '../../support/auth-config.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { bearer, NOW, outcome, requestWith, SECRET } from './resolver.ts';

const PEER = { peerAddress: '192.0.2.1' };
const wrong = (n: number) => bearer(`guess-${n}`);

function setUp(changes: Parameters<typeof authConfig>[0] = {}) {
  const clock = fakeClock(NOW);
  const resolve = createActorResolver({ config: authConfig(changes), clock });
  const fail = async (times: number, source = PEER) => {
    for (let n = 0; n < times; n += 1) await outcome(resolve(wrong(n), source));
  };
  return { clock, resolve, fail };
}

describe('repeated failures', () => {
  test('of a peer are told to wait, and heard again later', async () => {
    const { clock, resolve, fail } = setUp();
    await fail(FAILED_ATTEMPTS.burst);
    expect(await outcome(resolve(wrong(0), PEER))).toMatchObject({ code: 'rate_limited' });
    // 20 a minute is one in 3 s.
    clock.advance(3000);
    expect(await outcome(resolve(wrong(0), PEER))).toMatchObject({ code: 'unauthorized' });
    expect(await outcome(resolve(wrong(0), PEER))).toMatchObject({ code: 'rate_limited' });
  });

  test('hold up a right guess too', async () => {
    const { resolve, fail } = setUp();
    await fail(FAILED_ATTEMPTS.burst);
    expect(await outcome(resolve(bearer(SECRET), PEER))).toMatchObject({ code: 'rate_limited' });
  });

  test('do not lock out who was let in before from the same address', async () => {
    const { resolve, fail } = setUp();
    await resolve(bearer(SECRET), PEER);
    await fail(FAILED_ATTEMPTS.burst + 5);
    expect(await resolve(bearer(SECRET), PEER)).toMatchObject({ accountId: 'primary' });
  });

  test('of one peer are not those of another', async () => {
    const { resolve, fail } = setUp();
    await fail(FAILED_ATTEMPTS.burst);
    const other = { peerAddress: '192.0.2.2' };
    expect(await outcome(resolve(wrong(0), other))).toMatchObject({ code: 'unauthorized' });
  });

  test('behind a trusted proxy are counted for the client it names', async () => {
    const { resolve } = setUp();
    const proxy = { peerAddress: '127.0.0.1' };
    const from = (address: string) =>
      resolve(bearer('guess', { 'x-forwarded-for': `203.0.113.9, ${address}` }), proxy);
    for (let n = 0; n < FAILED_ATTEMPTS.burst; n += 1) await outcome(from('198.51.100.1'));
    expect(await outcome(from('198.51.100.1'))).toMatchObject({ code: 'rate_limited' });
    expect(await outcome(from('198.51.100.2'))).toMatchObject({ code: 'unauthorized' });
  });

  test('are not requests without credentials, and not those of a role without rights', async () => {
    const { resolve } = setUp();
    for (let n = 0; n < 2 * FAILED_ATTEMPTS.burst; n += 1) {
      await outcome(resolve(requestWith({}), PEER));
      await outcome(resolve(bearer(SECRET, { 'x-hasura-role': 'nobody' }), PEER));
    }
    expect(await resolve(bearer(SECRET), PEER)).toMatchObject({ accountId: 'primary' });
  });

  test('are not counted with RATE_LIMIT off', async () => {
    const { resolve, fail } = setUp({ rateLimit: false });
    await fail(3 * FAILED_ATTEMPTS.burst);
    expect(await outcome(resolve(wrong(0), PEER))).toMatchObject({ code: 'unauthorized' });
  });
});

describe('whose address it is', () => {
  const clientAddress = createClientAddress(['loopback', '10.0.0.0/8', '2001:db8::/32']);

  test.each([
    ['a stranger, whatever it claims', '192.0.2.1', '203.0.113.1', '192.0.2.1'],
    ['a proxy without a client', '127.0.0.1', null, '127.0.0.1'],
    ['the last hop that is no proxy', '127.0.0.1', '1.1.1.1, 2.2.2.2, 10.1.2.3', '2.2.2.2'],
    ['proxies all the way', '::1', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['a hop that is no address', '127.0.0.1', '1.1.1.1, unknown', '127.0.0.1'],
    ['IPv4 over an IPv6 socket', '::ffff:127.0.0.1', '2.2.2.2', '2.2.2.2'],
    ['an IPv6 proxy', '2001:db8::5', '2a00::1', '2a00::1'],
  ])('%s', (_name, peer, forwarded, expected) => {
    const headers = forwarded === null ? {} : { 'x-forwarded-for': forwarded };
    expect(clientAddress(requestWith(headers), peer)).toBe(expected);
  });

  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['127.0.0.1.evil.example', false],
    [undefined, false],
  ])('%s is loopback: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });

  test('one subscriber is one IPv4 address or one IPv6 /64', () => {
    expect(peerKey('192.0.2.1')).toBe('192.0.2.1');
    expect(peerKey('2001:db8:1:2:3:4:5:6')).toBe(peerKey('2001:db8:1:2::9'));
    expect(peerKey('2001:db8:1:2::9')).not.toBe(peerKey('2001:db8:1:3::9'));
  });
});

test('token buckets forget the key that was used longest ago', () => {
  const buckets = createTokenBuckets({ burst: 1, perMinute: 1, maxKeys: 2 });
  buckets.take('a', 0);
  buckets.take('b', 0);
  buckets.take('a', 0);
  buckets.take('c', 0);
  expect(buckets.peek('a', 0).allowed).toBe(false);
  expect(buckets.peek('b', 0).allowed).toBe(true);
});
