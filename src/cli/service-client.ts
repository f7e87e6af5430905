import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { SECOND_MS } from '../lib/duration.ts';
import { ServiceError, StartError } from '../lib/errors.ts';
import { ownUrl } from './own-url.ts';

const ATTEMPTS = 8;
const FIRST_WAIT_MS = SECOND_MS / 2;
const LONGEST_WAIT_MS = 15 * SECOND_MS;

const backfillSchema = z.object({
  state: z.enum(['RUNNING', 'DONE', 'CANCELLED']),
  position: z.string(),
  progress: z.number(),
  minutes: z.number(),
  lastError: z.string().nullable(),
});
const sloSchema = z.object({ id: z.string(), backfill: backfillSchema.nullable() });
const answerSchema = z.object({
  data: z
    .object({
      slo: sloSchema.nullish(),
      backfillSlo: z
        .object({
          slo: sloSchema.nullable(),
          errors: z.array(z.object({ path: z.string(), message: z.string() })),
        })
        .nullish(),
    })
    .nullish(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});

const pushedSchema = z.object({
  accepted: z.number(),
  rejected: z.number(),
  errors: z.array(z.object({ line: z.number(), message: z.string() })),
});
const listSchema = z.object({
  data: z.array(z.object({ id: z.string(), project: z.string(), name: z.string() })),
  total: z.number(),
});

export type Pushed = z.infer<typeof pushedSchema>;

/** A running service, as a command asks it. Every method waits and tries again where the service is away. */
export interface ServiceClient {
  graphql(
    query: string,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<NonNullable<z.infer<typeof answerSchema>['data']>>;
  /** Pushes lines of NDJSON. */
  push(lines: string): Promise<Pushed>;
  /** What `GET /api/v1/reports` answers, as it comes. */
  reports(query: URLSearchParams): Promise<string>;
  /** Ids by `project.name`. */
  slos(): Promise<ReadonlyMap<string, string>>;
}

/** With the plugin's own secret, which the command finds where the service does. */
export function createServiceClient(
  { pluginSecret, ...address }: Pick<Config, 'pluginSecret' | 'host' | 'port'>,
  { url, account }: { readonly url?: string; readonly account: string },
): ServiceClient {
  const base = (url ?? ownUrl(address)).replace(/\/+$/, '');
  const credentials = { authorization: `Bearer ${pluginSecret}`, 'x-source-account-id': account };

  async function ask(path: string, type: string, body: string | null): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(`${base}${path}`, {
        method: body === null ? 'GET' : 'POST',
        headers: { ...credentials, ...(body === null ? {} : { 'content-type': type }) },
        body,
      }).catch((cause: unknown) => {
        if (attempt < ATTEMPTS) return null;
        throw new ServiceError('unavailable', `--url: nothing answers at ${base}`, { cause });
      });
      const isLate = response !== null && (response.status === 429 || response.status >= 500);
      if (response !== null && (!isLate || attempt === ATTEMPTS)) return answerOf(response);
      await sleep(waitMs(response?.headers.get('retry-after') ?? null, attempt));
    }
  }

  return {
    async graphql(query, variables) {
      const answer = answerSchema.parse(
        JSON.parse(await ask('/graphql', 'application/json', JSON.stringify({ query, variables }))),
      );
      const [fault] = answer.errors ?? [];
      if (fault !== undefined || !answer.data) throw new StartError(fault?.message ?? 'no answer', 1);
      return answer.data;
    },
    async push(lines) {
      return pushedSchema.parse(JSON.parse(await ask('/api/v1/measurements', 'application/x-ndjson', lines)));
    },
    reports: (query) => ask(`/api/v1/reports?${query}`, '', null),
    async slos() {
      const ids = new Map<string, string>();
      for (let offset = 0; ; offset += 1000) {
        const page = listSchema.parse(
          JSON.parse(await ask(`/api/v1/slos?limit=1000&offset=${offset}`, '', null)),
        );
        for (const { id, project, name } of page.data) ids.set(`${project}.${name}`, id);
        if (offset + 1000 >= page.total) return ids;
      }
    },
  };
}

function waitMs(retryAfter: string | null, attempt: number): number {
  const seconds = Number(retryAfter);
  return retryAfter !== null && seconds > 0 && seconds <= 60
    ? seconds * SECOND_MS
    : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
}

async function answerOf(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.ok) throw new StartError(`the service answered with status ${response.status}: ${text}`, 1);
  return text;
}
