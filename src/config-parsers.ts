import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from './lib/duration.ts';
import { check } from './lib/validation.ts';

/** One environment variable: `undefined` when not set; else its value, or an issue saying what was expected. */
export function variable<T>(expected: string, parse: (text: string) => T | null | undefined) {
  return z
    .string()
    .optional()
    .transform((text, context): T | undefined => {
      if (text === undefined) return undefined;
      const value = parse(text);
      if (value !== null && value !== undefined) return value;
      context.addIssue({ code: 'custom', message: expected });
      return z.NEVER;
    });
}

export function integer(least: number, most: number) {
  return variable(`a whole number from ${least} to ${most}`, (text) => {
    const value = Number(text);
    return /^[0-9]{1,9}$/.test(text) && value >= least && value <= most ? value : null;
  });
}

export const flag = variable('1 or 0 (or true, false, on, off)', (text) => {
  if (/^(1|true|on|yes)$/i.test(text)) return true;
  return /^(0|false|off|no)$/i.test(text) ? false : null;
});

export function duration(leastMs: number, mostMs: number, example: string) {
  return variable(example, (text) => {
    const ms = parseDuration(text);
    return ms !== null && ms >= leastMs && ms <= mostMs ? ms : null;
  });
}

export function oneOf<const Word extends string>(...words: readonly Word[]) {
  return variable(`one of ${words.join(', ')}`, (text) => words.find((word) => word === text));
}

/** Entries separated by commas. */
export function list(expected: string, isEntry: (entry: string) => boolean) {
  return variable(expected, (text): readonly string[] | null => {
    const entries = text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    return entries.length > 0 && entries.every(isEntry) ? entries : null;
  });
}

export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** An http or https URL without query, fragment and trailing slash. */
export const httpUrl = variable('a URL that starts with http:// or https://, without query', (text) => {
  if (!isHttpUrl(text)) return null;
  const url = new URL(text);
  return url.search === '' && url.hash === '' ? text.replace(/\/+$/, '') : null;
});

/** Such that it can stand in a header. */
export function secret(leastBytes: number, expected: string) {
  return variable(expected, (text) =>
    /^[\x21-\x7e]+$/.test(text) && Buffer.byteLength(text) >= leastBytes ? text : null,
  );
}

/** JSON of the given shape: an issue for each fault, with its path, but without the text, which may hold secrets. */
export function json<S extends z.ZodType>(expected: string, schema: S) {
  return z
    .string()
    .optional()
    .transform((text, context): z.output<S> | undefined => {
      if (text === undefined) return undefined;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: expected });
        return z.NEVER;
      }
      const checked = check(schema, value);
      if (checked.ok) return checked.value;
      for (const { path, message } of checked.details) {
        context.addIssue({
          code: 'custom',
          message: path === '' ? expected : message,
          path: path === '' ? [] : [path],
        });
      }
      return z.NEVER;
    });
}

export function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

/** Whether a server that listens on `host` is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
