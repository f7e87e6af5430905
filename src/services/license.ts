import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { LicenseConfig } from '../config.ts';
import { DAY_MS } from '../lib/duration.ts';

export const PLUGIN_NAME = 'nself-slo-tracker';
const KEY = /^nself_(pro|max|ent|owner)_\S+$/;
const KEY_LENGTH = 32;
const WARN_AFTER_MS = DAY_MS;
const STALE_AFTER_MS = 7 * DAY_MS;

const instant = z.string().transform((text, context) => {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  context.addIssue({ code: 'custom', message: 'not a time' });
  return z.NEVER;
});

/** What nSelf's validation leaves for its plugins. */
const cacheSchema = z.object({
  key_hash: z.string().transform((hash) => hash.toLowerCase()),
  plugins: z.array(z.string()),
  validated_at: instant,
  expires_at: instant,
});

export interface LicenseState {
  /** `read_only`: definitions may not change; measuring, reading and evaluating go on. */
  readonly mode: 'full' | 'read_only';
  readonly warning: string | null;
  /** Why the service may not start at all. */
  readonly refuse: string | null;
}

export interface LicenseInput {
  readonly license: LicenseConfig;
  readonly production: boolean;
  /** Where `.nself/license` lies. */
  readonly homeDir: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

const FULL: LicenseState = { mode: 'full', warning: null, refuse: null };

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readCache(path: string): z.infer<typeof cacheSchema> | null {
  try {
    return cacheSchema.parse(JSON.parse(readText(path) ?? ''));
  } catch {
    return null;
  }
}

function readOnly(why: string): LicenseState {
  return { mode: 'read_only', warning: `${why}: definitions are read-only`, refuse: null };
}

function refuse(why: string): LicenseState {
  return { mode: 'read_only', warning: why, refuse: why };
}

function verify({ license, homeDir, nowMs }: LicenseInput): LicenseState {
  const keyFile = join(homeDir, '.nself', 'license', 'key');
  const key = license.key ?? readText(keyFile)?.trim() ?? '';
  if (key === '') return refuse(`expected a licence key, here or in ${keyFile} (got nothing)`);
  if (!KEY.test(key) || key.length < KEY_LENGTH) {
    return refuse(
      `expected a licence key: nself_pro_, nself_max_, nself_ent_ or nself_owner_, at least ${KEY_LENGTH} ` +
        `characters in all (got ${key.length} characters)`,
    );
  }
  const cacheFile = license.cacheFile ?? join(homeDir, '.nself', 'license', 'cache.json');
  const cache = readCache(cacheFile);
  if (cache === null) return readOnly(`the licence was never validated (no ${cacheFile} that can be read)`);
  if (cache.key_hash !== createHash('sha256').update(key).digest('hex')) {
    return refuse(`expected the licence key that ${cacheFile} was made for (got another one)`);
  }
  if (!cache.plugins.includes(PLUGIN_NAME)) return readOnly(`the licence does not cover ${PLUGIN_NAME}`);
  if (nowMs >= cache.expires_at) return readOnly('the licence has expired');
  const ageMs = nowMs - cache.validated_at;
  if (ageMs > STALE_AFTER_MS) return readOnly('the licence was last validated more than 7 days ago');
  if (ageMs < WARN_AFTER_MS) return FULL;
  return {
    ...FULL,
    warning:
      'the licence was last validated more than 24 hours ago: after 7 days definitions become read-only',
  };
}

/**
 * Where the licence stands, by the key and the validation cache alone: no network. In production a missing or
 * foreign key refuses the start; in development everything works, with a warning.
 */
export function readLicense(input: LicenseInput): LicenseState {
  if (input.license.skipVerify) return FULL;
  const state = verify(input);
  if (input.production || state.warning === null) return state;
  return { ...FULL, warning: `${state.refuse ?? state.warning} (development: everything works)` };
}
