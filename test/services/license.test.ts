import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { ServiceError, StartError } from '../../src/lib/errors.ts';
import { readLicense } from '../../src/services/license.ts';
import { createLicenseGuard } from '../../src/services/license-guard.ts';
import { fakeClock } from '../support/fake-clock.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const KEY = `nself_pro_${'x'.repeat(22)}`;
const root = mkdtempSync(join(tmpdir(), 'nself-slo-tracker-license-'));
let homeDir = root;
beforeEach(() => {
  homeDir = mkdtempSync(join(root, 'home-'));
  mkdirSync(join(homeDir, '.nself', 'license'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

function writeKey(key: string): void {
  writeFileSync(join(homeDir, '.nself', 'license', 'key'), `${key}\n`);
}

function cacheOf(changes: object = {}, key = KEY): string {
  return JSON.stringify({
    key_hash: createHash('sha256').update(key).digest('hex'),
    tier: 'pro',
    plugins: ['nself-slo-tracker', 'nself-status'],
    validated_at: new Date(NOW - HOUR_MS).toISOString(),
    expires_at: new Date(NOW + 30 * DAY_MS).toISOString(),
    ...changes,
  });
}

function writeCache(changes: object = {}): void {
  writeFileSync(join(homeDir, '.nself', 'license', 'cache.json'), cacheOf(changes));
}

function read({
  key = KEY as string | null,
  cacheFile = null as string | null,
  skipVerify = false,
  production = true,
} = {}) {
  return readLicense({ license: { key, cacheFile, skipVerify }, production, homeDir, nowMs: NOW });
}

const FULL = { mode: 'full', warning: null, refuse: null };
const ago = (ms: number) => ({ validated_at: new Date(NOW - ms).toISOString() });

describe('the licence', () => {
  it('is full with a key that was validated within the day', () => {
    writeCache();
    expect(read()).toEqual(FULL);
  });

  it('takes the key from its file when the variable is not set', () => {
    writeKey(KEY);
    writeCache();
    expect(read({ key: null })).toEqual(FULL);
  });

  it('takes the cache from the file that the variable names', () => {
    const cacheFile = join(homeDir, 'elsewhere.json');
    writeFileSync(cacheFile, cacheOf());
    expect(read({ cacheFile })).toEqual(FULL);
  });

  it.each(['nself_pro_', 'nself_max_', 'nself_ent_', 'nself_owner_'])(
    'takes keys that start with %s',
    (prefix) => {
      const key = prefix.padEnd(32, 'x');
      writeFileSync(join(homeDir, '.nself', 'license', 'cache.json'), cacheOf({}, key));
      expect(read({ key })).toEqual(FULL);
    },
  );

  it.each([
    ['without a key', null],
    ['with a key of 31 characters', 'nself_pro_'.padEnd(31, 'x')],
    ['with a key of another prefix', 'nself_free_'.padEnd(40, 'x')],
  ])('refuses the start in production %s', (_, key) => {
    writeCache();
    expect(read({ key }).refuse).toMatch(/^expected a licence key/);
  });

  it('refuses the start in production with a key that is not the validated one', () => {
    writeCache();
    expect(read({ key: `${KEY}y` }).refuse).toMatch(/got another one/);
  });

  it.each([
    [24 * HOUR_MS - 1, 'full', null],
    [24 * HOUR_MS, 'full', /more than 24 hours ago/],
    [7 * DAY_MS, 'full', /more than 24 hours ago/],
    [7 * DAY_MS + 1, 'read_only', /more than 7 days ago/],
  ] as const)('validated %d ms ago is %s', (ageMs, mode, warning) => {
    writeCache(ago(ageMs));
    const state = read();
    expect(state.mode).toBe(mode);
    expect(state.refuse).toBe(null);
    if (warning === null) expect(state.warning).toBe(null);
    else expect(state.warning).toMatch(warning);
  });

  it('is read-only with a key that was never validated, or whose cache is damaged', () => {
    expect(read()).toMatchObject({
      mode: 'read_only',
      refuse: null,
      warning: expect.stringMatching(/never validated/),
    });
    writeCache({ validated_at: 'yesterday' });
    expect(read()).toMatchObject({ mode: 'read_only', refuse: null });
  });

  it('is read-only for another plugin, and from the moment it expires', () => {
    writeCache({ plugins: ['nself-status'] });
    expect(read()).toMatchObject({ mode: 'read_only', warning: expect.stringMatching(/does not cover/) });
    writeCache({ expires_at: new Date(NOW).toISOString() });
    expect(read()).toMatchObject({ mode: 'read_only', warning: expect.stringMatching(/expired/) });
    writeCache({ expires_at: new Date(NOW + 1).toISOString() });
    expect(read()).toEqual(FULL);
  });

  it('is full whatever the files say with NSELF_LICENSE_SKIP_VERIFY', () => {
    expect(read({ key: null, skipVerify: true })).toEqual(FULL);
  });

  it('warns in development, and everything works', () => {
    expect(read({ key: null, production: false })).toMatchObject({
      mode: 'full',
      refuse: null,
      warning: expect.stringMatching(/development: everything works/),
    });
    writeCache(ago(8 * DAY_MS));
    expect(read({ production: false })).toMatchObject({ mode: 'full', refuse: null });
  });
});

describe('the guard of definitions', () => {
  function guard(production = true, key: string | null = KEY) {
    const clock = fakeClock(NOW);
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const config = { license: { key, cacheFile: null, skipVerify: false }, production };
    return { clock, lines, guard: createLicenseGuard({ config, homeDir, clock, logger }) };
  }

  it('closes when the licence goes stale, and opens when it is renewed, without a restart', () => {
    writeCache(ago(7 * DAY_MS - MINUTE_MS));
    const { clock, guard: license } = guard();
    expect(() => license.assertCanChangeDefinitions()).not.toThrow();
    clock.advance(2 * MINUTE_MS);
    expect(() => license.assertCanChangeDefinitions()).toThrow(ServiceError);
    expect(() => license.assertCanChangeDefinitions()).toThrow(
      expect.objectContaining({ code: 'license_stale' }),
    );
    writeCache({ validated_at: new Date(clock.now()).toISOString() });
    clock.advance(MINUTE_MS);
    expect(() => license.assertCanChangeDefinitions()).not.toThrow();
  });

  it('refuses the start in production without a key, with exit code 78', () => {
    expect(() => guard(true, null)).toThrow(StartError);
    expect(() => guard(true, null)).toThrow(expect.objectContaining({ exitCode: 78 }));
  });

  it('warns once', () => {
    const { clock, lines, guard: license } = guard(false, null);
    for (let i = 0; i < 3; i += 1) {
      clock.advance(HOUR_MS);
      license.assertCanChangeDefinitions();
    }
    expect(lines).toHaveLength(1);
  });
});
