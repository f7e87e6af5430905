import { z } from 'zod';
import { createSlo } from '../../services/create-slo.ts';
import { deleteSlo } from '../../services/delete-slo.ts';
import { getSlo } from '../../services/find-slos.ts';
import { listSlos, listSlosInputSchema, type SloList } from '../../services/list-slos.ts';
import { readStatuses, type SloStatus } from '../../services/read-status.ts';
import { updateSlo } from '../../services/update-slo.ts';
import type { Slo } from '../../slo/definition.ts';
import { sloInputSchema, sloPatchSchema } from '../../slo/definition-schema.ts';
import { TextBuffer } from '../text-buffer.ts';
import { TextResponse } from '../text-response.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { flagParameter, integerParameter, timeParameter } from './query-parameters.ts';
import { DEFINITION_LIMIT, readJsonBody } from './request-body.ts';
import {
  listedSloSchema,
  sloSchema,
  sloText,
  sloToWire,
  sloWithStatusPieces,
  sloWithStatusSchema,
} from './wire/slo.ts';
import { keptStatusText, statusText } from './wire/status.ts';

const JSON_TYPE = 'application/json';
const MERGE_PATCH_TYPE = 'application/merge-patch+json';

const documentedPatch = sloPatchSchema.meta({ id: 'SloPatch' });

const none = z.strictObject({});

const { limit, offset, ...listFilters } = listSlosInputSchema.shape;

const listQuery = z.strictObject({
  limit: integerParameter(limit),
  offset: integerParameter(offset),
  ...listFilters,
  status: flagParameter("1 adds each SLO's status."),
  at: timeParameter('Adds the statuses at this time of the past.'),
});

const listSchema = z.strictObject({
  data: z.array(listedSloSchema),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
});

const statusQuery = z.strictObject({ at: timeParameter('The status at this time of the past.') });

export const sloEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/slos',
    operationId: 'listSlos',
    summary: "A page of the account's SLOs",
    query: listQuery,
    answer: { status: 200, description: 'The page.', content: { [JSON_TYPE]: listSchema } },
    async handle({ ctx, query: { status, at: atMs, ...input } }) {
      const { items, ...page } = await listSlos({ ctx, input });
      const nowMs = ctx.clock.now();
      if (status !== true && (atMs === undefined || status === false)) {
        return pageOf(items, (slo) => [sloText(slo, nowMs)], page);
      }
      const statuses = await readStatuses({ ctx, input: { slos: items, atMs } });
      const textOf = statusTextFor(atMs);
      return pageOf(
        items,
        (slo) => sloWithStatusPieces(slo, textOf(known(statuses.get(slo.id))), nowMs),
        page,
      );
    },
  }),
  actorEndpoint({
    method: 'post',
    path: '/api/v1/slos',
    operationId: 'createSlo',
    summary: 'Define an SLO',
    query: none,
    body: {
      description: 'The definition.',
      content: { [JSON_TYPE]: sloInputSchema.meta({ id: 'SloInput' }) },
    },
    answer: { status: 201, description: 'The SLO.', content: { [JSON_TYPE]: sloSchema } },
    errors: [400, 409, 413, 415],
    async handle({ ctx, request, server }) {
      const input = await readJsonBody(request, { limit: DEFINITION_LIMIT, mediaTypes: [JSON_TYPE] });
      const slo = await createSlo({ ctx, input });
      const Location = `${server.config.publicUrl ?? ''}/api/v1/slos/${slo.id}`;
      return Response.json(sloToWire(slo, ctx.clock.now()), { status: 201, headers: { Location } });
    },
  }),
  actorEndpoint({
    method: 'get',
    path: '/api/v1/slos/{id}',
    operationId: 'getSlo',
    summary: 'An SLO with its status',
    query: statusQuery,
    answer: { status: 200, description: 'The SLO.', content: { [JSON_TYPE]: sloWithStatusSchema } },
    errors: [404],
    async handle({ ctx, id, query: { at: atMs } }) {
      const slo = await getSlo({ ctx, input: { id } });
      const statuses = await readStatuses({ ctx, input: { slos: [slo], atMs } });
      const text = statusTextFor(atMs)(known(statuses.get(slo.id)));
      return jsonResponse(sloWithStatusPieces(slo, text, ctx.clock.now()).join(''));
    },
  }),
  actorEndpoint({
    method: 'patch',
    path: '/api/v1/slos/{id}',
    operationId: 'updateSlo',
    summary: 'Change an SLO',
    description:
      'A JSON merge patch: what is absent stays, null is the default. Objectives are matched by name. ' +
      'Statuses of the past keep the targets that were in force.',
    query: none,
    body: {
      description: 'What changes.',
      content: { [JSON_TYPE]: documentedPatch, [MERGE_PATCH_TYPE]: documentedPatch },
    },
    answer: { status: 200, description: 'The SLO as it is now.', content: { [JSON_TYPE]: sloSchema } },
    errors: [400, 404, 413, 415],
    async handle({ ctx, id, request }) {
      const mediaTypes = [JSON_TYPE, MERGE_PATCH_TYPE];
      const patch = await readJsonBody(request, { limit: DEFINITION_LIMIT, mediaTypes });
      return Response.json(sloToWire(await updateSlo({ ctx, input: { id, patch } }), ctx.clock.now()));
    },
  }),
  actorEndpoint({
    method: 'delete',
    path: '/api/v1/slos/{id}',
    operationId: 'deleteSlo',
    summary: 'Remove an SLO with its history and reports',
    query: none,
    answer: { status: 204, description: 'It is gone.', content: {} },
    errors: [404],
    async handle({ ctx, id }) {
      await deleteSlo({ ctx, input: { id } });
      return new Response(null, { status: 204 });
    },
  }),
];

/** Statuses of the present are asked for again and again. */
const statusTextFor = (atMs: number | undefined): ((status: SloStatus) => string) =>
  atMs === undefined ? keptStatusText : statusText;

const jsonResponse = (content: TextResponse['content']): Response =>
  new TextResponse(content, { status: 200, headers: { 'content-type': JSON_TYPE } });

/** Of the shape `listSchema`. */
function pageOf(
  items: readonly Slo[],
  piecesOf: (slo: Slo) => readonly string[],
  page: Omit<SloList, 'items'>,
): Response {
  const text = new TextBuffer();
  text.add('{"data":[');
  items.forEach((slo, i) => {
    // The others are about as long as the first.
    if (i === 1) text.expect(1.2 * items.length * text.length);
    if (i > 0) text.add(',');
    for (const piece of piecesOf(slo)) text.add(piece);
  });
  text.add(`],${JSON.stringify(page).slice(1)}`);
  return jsonResponse(text.encoded());
}

function known(status: SloStatus | undefined): SloStatus {
  if (status === undefined) throw new TypeError('The status of an SLO was not read.');
  return status;
}
