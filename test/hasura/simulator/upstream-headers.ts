import type { Headers } from './session.ts';

/** Of the client, these stay with Hasura. */
const KEPT_BACK = new Set([
  'content-length',
  'content-md5',
  'user-agent',
  'host',
  'origin',
  'referer',
  'cache-control',
  'connection',
  'dnt',
  'content-type',
]);

function isForwarded(name: string): boolean {
  return !KEPT_BACK.has(name) && !name.startsWith('accept') && !name.startsWith('x-hasura-');
}

/** What reaches the remote: configured headers before session variables before headers of the client. */
export function upstreamHeaders(
  configured: Headers,
  variables: ReadonlyMap<string, string>,
  client: Headers,
): Record<string, string> {
  const forwarded = Object.entries(client).filter(([name]) => isForwarded(name));
  return {
    ...Object.fromEntries(forwarded),
    ...Object.fromEntries(variables),
    ...configured,
    'content-type': 'application/json',
    'user-agent': 'hasura-graphql-engine/v2',
  };
}
