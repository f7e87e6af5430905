import { describe, expect, it } from 'vitest';
import { type Change, decodeChanges, encodeChanges } from '../../src/storage/changes.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const stored = (accountId: string, n: number, fromMs: number | null): Change => ({
  accountId,
  sloIds: [id(n)],
  kind: 'history',
  fromMs,
});

describe('a notice of changes', () => {
  it('names the SLOs of each account and the earliest minute', () => {
    const changes = [stored('a', 1, 120_000), stored('a', 2, 60_000), stored('b', 3, 180_000)];
    expect(decodeChanges(encodeChanges(changes))).toEqual([
      { accountId: 'a', sloIds: [id(1), id(2)], kind: 'history', fromMs: 60_000 },
      { accountId: 'b', sloIds: [id(3)], kind: 'history', fromMs: 180_000 },
    ]);
  });

  it('keeps the kinds apart, and names an SLO once', () => {
    const changes: Change[] = [
      stored('a', 1, 60_000),
      stored('a', 1, 0),
      { accountId: 'a', sloIds: [id(1)], kind: 'definition', fromMs: null },
    ];
    expect(decodeChanges(encodeChanges(changes))).toEqual([
      { accountId: 'a', sloIds: [id(1)], kind: 'history', fromMs: 0 },
      { accountId: 'a', sloIds: [id(1)], kind: 'definition', fromMs: null },
    ]);
  });

  it('says that all of an account may have changed when its SLOs do not fit', () => {
    const changes = Array.from({ length: 1000 }, (_, n) => stored('a', n, n * 60_000));
    const payload = encodeChanges(changes);
    expect(Buffer.byteLength(payload)).toBeLessThan(8000);
    expect(decodeChanges(payload)).toEqual([{ accountId: 'a', sloIds: null, kind: 'history', fromMs: 0 }]);
  });

  it('says that all accounts may have changed when these do not fit either', () => {
    const changes = Array.from({ length: 1000 }, (_, n) => stored(`account-${n}`, n, n * 60_000));
    const payload = encodeChanges(changes);
    expect(Buffer.byteLength(payload)).toBeLessThan(8000);
    expect(decodeChanges(payload)).toEqual([{ accountId: null, sloIds: null, kind: 'history', fromMs: 0 }]);
  });

  it('does not know the earliest minute where one change does not', () => {
    expect(decodeChanges(encodeChanges([stored('a', 1, 60_000), stored('a', 2, null)]))).toMatchObject([
      { fromMs: null },
    ]);
  });

  it('is null to a reader when it is of another shape', () => {
    expect(decodeChanges('hello')).toBeNull();
    expect(decodeChanges('{}')).toBeNull();
    expect(decodeChanges('[{"accountId":"a","sloIds":null,"kind":"new","fromMs":null}]')).toBeNull();
  });
});
