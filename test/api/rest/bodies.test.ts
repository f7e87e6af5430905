import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, createRestClient, type RestClient } from './rest-client.ts';

const MIB = 1024 * 1024;

let rest: RestClient;
let path: string;
beforeAll(async () => {
  rest = await createRestClient();
  await rest.ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.99 } });
  path = '/api/v1/slos/default.api/measurements';
});

const create = (raw: BodyInit, headers: Record<string, string> = {}) =>
  rest.ask('POST', '/api/v1/slos', { raw, headers });

function expectError(answer: Answer, status: number, code: string): void {
  expect(answer.body).toMatchObject({ code, error: expect.any(String), details: expect.any(Array) });
  expect(Object.keys(answer.body)).toEqual(['error', 'code', 'details']);
  expect(answer.status).toBe(status);
}

/** A stream that never ends, and counts what was taken of it. */
function endless(chunk: Uint8Array): { stream: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  return { stream, taken: () => taken };
}

describe('the content type', () => {
  test.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonp'],
    ['application/json; charset=utf-16'],
    ['application/merge-patch+json'],
    [''],
  ])('%j is not taken: 415', async (type) => {
    expectError(
      await create('{"name":"x","target":0.9}', { 'content-type': type }),
      415,
      'unsupported_media_type',
    );
  });

  test.each(['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])(
    '%j is taken',
    async (type) => {
      expectError(await create('{}', { 'content-type': type }), 422, 'invalid');
    },
  );

  test('a change takes a merge patch too', async () => {
    const ask = (type: string) =>
      rest.ask('PATCH', '/api/v1/slos/default.api', { raw: '{}', headers: { 'content-type': type } });
    expect((await ask('application/merge-patch+json')).status).toBe(200);
    expect((await ask('application/json')).status).toBe(200);
    expect((await ask('application/json-patch+json')).status).toBe(415);
  });

  test('a compressed body is not taken: 415', async () => {
    expectError(await create('{}', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
  });
});

describe('a body that is no JSON', () => {
  test.each<[string, BodyInit, string]>([
    ['nothing', '', 'empty'],
    ['blanks', ' \n ', 'empty'],
    ['cut off', '{"name":"x","tar', 'line 1, column 17'],
    ['a trailing comma', '{\n"name":"x",\n}', 'line 3, column 1'],
    ['NaN', '{"name":"x","target":NaN}', 'line 1, column 22'],
    ['Infinity', '{"name":"x","target":-Infinity}', 'line 1, column 22'],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'UTF-8'],
    ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`, 'deeper than 64'],
    ['a closing bracket too many', '{}}', 'line 1, column 3'],
  ])('%s: 400', async (_name, raw, hint) => {
    const answer = await create(raw);
    expectError(answer, 400, 'malformed');
    expect(answer.body.error).toContain(hint);
  });

  test('the answer does not repeat the body', async () => {
    expect((await create('{"name": sesame}')).text).not.toContain('sesame');
  });

  test.each(['[', '{"a":'])('%s 10,000 and 300,000 deep is refused quickly', async (open) => {
    const startedAt = performance.now();
    for (const depth of [10_000, 300_000]) {
      const text = open.repeat(depth);
      expectError(await rest.ask('POST', path, { raw: text }), 400, 'malformed');
    }
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('brackets inside strings are not levels', async () => {
    const answer = await create(
      JSON.stringify({ name: 'x', target: 0.9, description: `\\"${'['.repeat(500)}` }),
    );
    expect(answer.status).toBe(201);
  });
});

describe('JSON of another shape', () => {
  test.each(['[]', 'null', '"x"', '7', 'true'])('%s instead of an object: 422', async (raw) => {
    for (const [method, where] of [
      ['POST', '/api/v1/slos'],
      ['PATCH', '/api/v1/slos/default.api'],
      ['POST', path],
    ] as const) {
      const answer = await rest.ask(method, where, { raw });
      expectError(answer, 422, 'invalid');
      expect(answer.body.details).toEqual([{ path: '', message: expect.any(String) }]);
    }
  });

  test('of a key that is there twice the last one counts', async () => {
    const answer = await create('{"name":"twice","name":"thrice","target":0.9}');
    expect(answer.body).toMatchObject({ name: 'thrice' });
  });

  test.each([
    '{"name":"p","target":0.9,"__proto__":{"admin":true}}',
    '{"name":"p","target":0.9,"constructor":{"prototype":{"admin":true}}}',
    '{"name":"p","target":0.9,"labels":{"__proto__":"x"}}',
    '{"__proto__":{"name":"p","target":0.9}}',
  ])('%s is refused and pollutes nothing', async (raw) => {
    expectError(await create(raw), 422, 'invalid');
    expect({}).not.toHaveProperty('admin');
  });
});

describe('a body that is too large', () => {
  test('is refused by its declared length, unread', async () => {
    const { stream, taken } = endless(new Uint8Array(1024));
    const answer = await create(stream, { 'content-length': String(100 * MIB) });
    expectError(answer, 413, 'too_large');
    expect(taken()).toBeLessThan(64 * 1024);
  });

  test('is refused as soon as the stream passes the limit: 1 MiB for a definition', async () => {
    const { stream, taken } = endless(new Uint8Array(64 * 1024).fill(0x20));
    expectError(await create(stream), 413, 'too_large');
    expect(taken()).toBeLessThan(2 * MIB);
  });

  test('16 MiB for a batch of measurements', async () => {
    const { stream, taken } = endless(new Uint8Array(256 * 1024).fill(0x20));
    expectError(await rest.ask('POST', path, { raw: stream }), 413, 'too_large');
    expect(taken()).toBeLessThan(18 * MIB);
  });

  test('a name of a megabyte fits the limit and is refused as a name', async () => {
    const answer = await create(JSON.stringify({ name: 'n'.repeat(1_000_000), target: 0.9 }));
    expectError(answer, 422, 'invalid');
    expect(answer.body.details[0].path).toBe('name');
    expect(answer.text.length).toBeLessThan(1000);
  });

  test('a body that is cut off is malformed', async () => {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"name":'));
        controller.error(new Error('the client went away'));
      },
    });
    expectError(await create(stream), 400, 'malformed');
  });
});
