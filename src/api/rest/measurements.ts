import { z } from 'zod';
import { ServiceError } from '../../lib/errors.ts';
import { measurementsSchema, recordMeasurements } from '../../services/record-measurements.ts';
import { recordStream } from '../../services/record-stream.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { assertMediaType, MEASUREMENTS_LIMIT, readJsonBody } from './request-body.ts';

const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson'];

const none = z.strictObject({});

const acceptedSchema = z.strictObject({
  accepted: z.number().meta({ description: 'Points that were stored.' }),
});

const streamResultSchema = acceptedSchema.extend({
  rejected: z.number().meta({ description: 'Lines that were not stored.' }),
  errors: z
    .array(z.strictObject({ line: z.number(), message: z.string() }))
    .meta({ description: 'Why, of the first hundred; lines count from 1.' }),
});

export const measurementEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'post',
    path: '/api/v1/slos/{id}/measurements',
    operationId: 'recordMeasurements',
    summary: 'Store measurements of one SLO, all of them or none',
    description: 'A later request replaces, by objective and minute, the fields it brings.',
    query: none,
    body: {
      description: 'Up to 10,000 points.',
      content: { 'application/json': measurementsSchema.meta({ id: 'Measurements' }) },
    },
    answer: { status: 202, description: 'All are stored.', content: { 'application/json': acceptedSchema } },
    errors: [400, 404, 413, 415],
    async handle({ ctx, id, request }) {
      const mediaTypes = ['application/json'];
      const body = await readJsonBody(request, { limit: MEASUREMENTS_LIMIT, mediaTypes });
      const { accepted } = await recordMeasurements({ ctx, input: { id, body } });
      return Response.json({ accepted }, { status: 202 });
    },
  }),
  actorEndpoint({
    method: 'post',
    path: '/api/v1/measurements',
    operationId: 'recordStream',
    summary: 'Store measurements of many SLOs out of a stream of any length',
    description:
      'Newline-delimited JSON: a point a line, with `slo` (the UUID or `project.name`). Stored as it comes, ' +
      'in chunks; what a line got wrong is told in the answer and keeps back only that line.',
    query: none,
    body: { description: 'A point a line.', content: { 'application/x-ndjson': null } },
    answer: {
      status: 202,
      description: 'The end of it.',
      content: { 'application/json': streamResultSchema },
    },
    errors: [400, 415],
    async handle({ ctx, request }) {
      assertMediaType(request, NDJSON_TYPES);
      if (request.body === null)
        throw new ServiceError('malformed', 'The body is empty; send a point a line.');
      const input = { body: request.body, signal: request.signal };
      const { accepted, rejected, errors } = await recordStream({ ctx, input });
      const inOrder = errors.toSorted((a, b) => a.line - b.line);
      return Response.json({ accepted, rejected, errors: inOrder }, { status: 202 });
    },
  }),
];
