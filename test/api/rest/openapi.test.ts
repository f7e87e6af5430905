import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { prometheusOpenApi } from '../../../src/api/prometheus/openapi-part.ts';
import { restEndpoints } from '../../../src/api/rest/endpoints.ts';
import { openApiDocument } from '../../../src/api/rest/openapi-document.ts';
import { createRestClient, faceConfig, restOn } from './rest-client.ts';

const openApiParts = [prometheusOpenApi()];
const ROOT = new URL('../../../', import.meta.url);

// biome-ignore lint/suspicious/noExplicitAny: a document is walked by its keys
type Json = any;

async function committed(): Promise<Json> {
  const [{ version }, document]: Json[] = await Promise.all(
    ['package.json', 'openapi.json'].map(async (name) =>
      JSON.parse(await readFile(new URL(name, ROOT), 'utf8')),
    ),
  );
  expect(document.info.version).toBe(version);
  return document;
}

test('openapi.json is what the schemas say (`npx vitest run test/api/rest/openapi.test.ts -u` writes it)', async () => {
  const { version } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
  const document = openApiDocument(restEndpoints({ version, config: faceConfig(), openApiParts }), {
    version,
    publicUrl: null,
    parts: openApiParts,
  });
  const text = `${JSON.stringify(document, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('../../../openapi.json');
});

test('the service answers with it, under its outside address', async () => {
  const { environment } = await createRestClient();
  const rest = restOn(environment, { publicUrl: 'https://api.example.com/nself-slo-tracker' });
  const { body, headers } = await rest.ask('GET', '/api/v1/openapi.json');
  expect(headers.get('content-type')).toBe('application/json');
  expect(body.servers).toEqual([{ url: 'https://api.example.com/nself-slo-tracker' }]);
  expect(body.paths).toEqual((await committed()).paths);

  const created = await rest.ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.9 } });
  expect(created.headers.get('location')).toBe(
    `https://api.example.com/nself-slo-tracker/api/v1/slos/${created.body.id}`,
  );
});

test('the document is whole: its references lead somewhere, its operations have names of their own', async () => {
  const document = await committed();
  const references: string[] = JSON.stringify(document).match(/"#\/[^"]+"/g) ?? [];
  expect(references.length).toBeGreaterThan(50);
  for (const reference of new Set(references)) {
    const [, ...steps] = JSON.parse(reference).split('/');
    expect(
      steps.reduce((at: Json, step: string) => at?.[step], document),
      reference,
    ).toBeDefined();
  }
  const operations = Object.values<Json>(document.paths).flatMap((path) => Object.values<Json>(path));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { operationId, parameters = [], responses } of operations) {
    expect(Object.keys(responses), operationId).toContain('500');
    for (const { name, schema, description, in: place } of parameters) {
      if (place === 'query') expect(Object.keys(schema), `${operationId} ${name}`).not.toEqual([]);
      if (name === 'at')
        expect([schema, description]).toEqual([{ type: 'string', format: 'date-time' }, expect.any(String)]);
    }
  }
});

test('every documented path is there, and nothing else is', async () => {
  expect(Object.keys((await committed()).paths).sort()).toEqual([
    '/api/prometheus/v1/api/v1/format_query',
    '/api/prometheus/v1/api/v1/label/{name}/values',
    '/api/prometheus/v1/api/v1/labels',
    '/api/prometheus/v1/api/v1/metadata',
    '/api/prometheus/v1/api/v1/parse_query',
    '/api/prometheus/v1/api/v1/query',
    '/api/prometheus/v1/api/v1/query_range',
    '/api/prometheus/v1/api/v1/series',
    '/api/prometheus/v1/api/v1/status/buildinfo',
    '/api/v1/events',
    '/api/v1/measurements',
    '/api/v1/openapi.json',
    '/api/v1/reports',
    '/api/v1/slos',
    '/api/v1/slos/{id}',
    '/api/v1/slos/{id}/adjustments',
    '/api/v1/slos/{id}/adjustments/{aid}',
    '/api/v1/slos/{id}/alerts',
    '/api/v1/slos/{id}/burn-rate',
    '/api/v1/slos/{id}/measurements',
    '/api/v1/slos/{id}/snapshots',
    '/health',
    '/live',
    '/metrics',
    '/ready',
    '/slos',
  ]);
});

test('what Prometheus takes is there, in the URL and as a form', async () => {
  const { paths } = await committed();
  const series = paths['/api/prometheus/v1/api/v1/series'];
  expect(series.get.parameters).toContainEqual({
    name: 'match[]',
    in: 'query',
    required: true,
    description: expect.any(String),
    schema: { type: 'array', items: { type: 'string' } },
  });
  const { schema } = series.post.requestBody.content['application/x-www-form-urlencoded'];
  expect(schema.required).toEqual(['match[]']);
  expect(Object.keys(schema.properties)).toEqual(
    series.get.parameters.map(({ name }: { name: string }) => name),
  );
  const values = paths['/api/prometheus/v1/api/v1/label/{name}/values'];
  expect(Object.keys(values)).toEqual(['get']);
  expect(values.get.parameters[0]).toMatchObject({ name: 'name', in: 'path', required: true });
});
