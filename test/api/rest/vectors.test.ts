import { beforeAll, describe, expect, test } from 'vitest';
import { cases, expectFigure, pointsOf, type Run } from '../../support/vectors.ts';
import { createRestClient, type RestClient } from './rest-client.ts';

/** A little after the newest figure that is asked for, and within the retention of the oldest point. */
const AFTER_ALL = '2026-11-22T00:00:00Z';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient({ now: AFTER_ALL });
});

/** One body for the whole feed of a case. */
function ndjsonOf(feed: readonly Run[]): string {
  const lines = feed.flatMap((run) => [...pointsOf(run)].map((point) => ({ slo: run.slo, ...point })));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

describe.runIf(cases.length > 0)('the worked cases through REST', () => {
  test.each(cases.map((one, index) => ({ ...one, account: `case-${index}` })))(
    '$name',
    async ({ account, slos, feed, expect: expected }) => {
      expect(expected.length).toBeGreaterThan(0);
      for (const { adjustments = [], ...json } of slos) {
        const created = await rest.ask('POST', '/api/v1/slos', { account, json });
        expect(created.status).toBe(201);
        const path = `/api/v1/slos/${created.body.id}/adjustments`;
        for (const adjustment of adjustments) {
          expect(await rest.ask('POST', path, { account, json: adjustment })).toMatchObject({ status: 201 });
        }
      }
      const raw = ndjsonOf(feed);
      const headers = { 'content-type': 'application/x-ndjson' };
      const recorded = await rest.ask('POST', '/api/v1/measurements', { account, headers, raw });
      const points = feed.reduce((sum, { count }) => sum + count, 0);
      expect(recorded.body).toEqual({ accepted: points, rejected: 0, errors: [] });

      for (const { slo, objective, at, window, burn, component_impacts: impacts, ...figures } of expected) {
        const detail = await rest.ask('GET', `/api/v1/slos/${slo}?at=${at}`, { account });
        const status = objectiveOf(detail.body.status, objective);
        for (const [field, value] of Object.entries(figures)) {
          expectFigure(status[field], value, `${field} at ${at}`);
        }
        expect(status.window).toEqual(window);
        impacts?.forEach((impact, i) => {
          expectFigure(status.components[i].impact, impact, `impact of component ${i} at ${at}`);
        });

        const burnRate = await rest.ask('GET', `/api/v1/slos/${slo}/burn-rate?at=${at}`, { account });
        const { windows } = objectiveOf(burnRate.body, objective);
        for (const [label, value] of Object.entries(burn)) {
          const shown = windows.find((one: { window: string }) => one.window === label);
          expectFigure(shown?.burn_rate, value, `burn over ${label} at ${at}`);
        }
      }
    },
  );
});

// biome-ignore lint/suspicious/noExplicitAny: the figures are looked up by the names of the case
function objectiveOf(answer: any, name: string): any {
  return answer.objectives.find(({ objective }: { objective: string }) => objective === name);
}
