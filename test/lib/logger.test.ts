import { describe, expect, it } from 'vitest';
import { createLogger, redact } from '../../src/lib/logger.ts';

const SECRET = 'the-"plugin"-secret';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const sink = {
    write(line: string): void {
      text += line;
    },
  };
  write(createLogger('info', [SECRET], sink));
  return text;
}

describe('the log', () => {
  it('is one JSON object a line, with an RFC 3339 time', () => {
    const line = JSON.parse(logged((logger) => logger.info({ slo: 'a' }, 'said')));
    expect(line).toMatchObject({ level: 30, plugin: 'nself-slo-tracker', slo: 'a', msg: 'said' });
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it.each([
    ['the secret itself', { anything: `see ${SECRET}` }],
    ['an Authorization header', { headers: { authorization: 'Bearer hush-hush' } }],
    ['a header of any case, deeper', { request: { headers: { Authorization: 'Basic aHVzaC1odXNo' } } }],
    ['the gateway header', { headers: { 'x-plugin-secret': 'hush-hush' } }],
    ['a cookie', { headers: { cookie: 'session=hush-hush' } }],
    ['a password in a URL', { url: 'postgres://tracker:hush-hush@db/slo' }],
    ['a password with an @', { url: 'postgres://tracker:hush@hush-hush@db/slo' }],
    ['an error that quotes a URL', { err: new Error('no postgres://tracker:hush-hush@db/slo') }],
    ['the cause of an error', { err: new Error('no', { cause: new Error('https://a:hush-hush@b/') }) }],
    ['a token in a message', { text: 'sent Bearer hush-hush' }],
  ])('hides %s', (_, fields) => {
    const text = logged((logger) => logger.info(fields, 'said'));
    expect(text).toContain('[hidden]');
    expect(text).not.toMatch(/hush-hush|aHVzaC1odXNo|the-\\"plugin/);
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it('leaves the rest of a URL readable', () => {
    expect(redact('at postgres://tracker:hush@db:5432/slo?a=b')).toBe(
      'at postgres://tracker:[hidden]@db:5432/slo?a=b',
    );
    expect(redact('http://127.0.0.1:3835/graphql')).toBe('http://127.0.0.1:3835/graphql');
  });
});
