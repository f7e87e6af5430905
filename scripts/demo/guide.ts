import { quoted, TWO_MINUTES_AGO } from '../../src/welcome.ts';

export interface GuideInput {
  readonly url: string;
  readonly pluginSecret: string;
  /** The SLOs, for a terminal. */
  readonly overview: string;
}

/**
 * What a newcomer reads when the demo is ready: each command works when pasted by itself into a POSIX shell, and
 * leads to another face of the tracker.
 */
export function guide({ url, pluginSecret, overview }: GuideInput): string {
  const auth = `-H ${quoted(`Authorization: Bearer ${pluginSecret}`)}`;
  const json = `${auth} -H 'Content-Type: application/json'`;
  const graphql = (query: string, flags = ''): string =>
    `curl -sS${flags} ${url}/graphql ${json} -d ${quoted(JSON.stringify({ query }))}`;
  const promql = (endpoint: string, query: string, range = ''): string =>
    `curl -sS -G ${url}/api/prometheus/v1/api/v1/${endpoint} ${auth} --data-urlencode ${quoted(`query=${query}`)}${range}`;
  return `
The demo is ready: new measurements come in every minute. Ctrl-C stops it; the next start goes on.

${overview}
  URL           ${url}
  Bearer token  ${pluginSecret}
  GraphiQL      ${url}/graphql

Paste any of these into a second terminal.

Payments fail right now. How fast does their budget burn, and since when do which alerts fire? (REST)
curl -sS ${url}/api/v1/slos/shop.payments/burn-rate ${auth}

Which of their alerts fired when, and when was each over? (REST)
curl -sS ${url}/api/v1/slos/shop.payments/alerts ${auth}

How did everybody do in the last weeks? (REST, as CSV)
curl -sS ${quoted(`${url}/api/v1/reports?period=week&format=csv`)} ${auth}

What fires anywhere? (GraphQL)
${graphql('{ slos { items { project name state alerts { objective condition severity firingSince } } } }')}

Which part of buying something has cost how much of its budget? (GraphQL)
${graphql('{ slo(id: "shop.buying") { displayName state status { objectives { reliability budget components { slo weight impact } } } } }')}

Which budgets burn fastest? (PromQL)
${promql('query', 'topk(3, burn_rate)')}

How much budget had the shop left on each of the last days? (PromQL, over a range)
${promql('query_range', 'budget{project="shop"}', ' -d start="$(($(date +%s) - 259200))" -d end="$(date +%s)" -d step=1d')}

Watch the SLOs as they change (GraphQL subscription; Ctrl-C ends it):
${graphql('subscription { sloStatusChanged { project name state status { objectives { reliability budget burnRate } } } }', " -N -H 'Accept: text/event-stream'")}

And measure something yourself, in a third terminal: the subscription shows it at once.
curl -sS ${url}/api/v1/slos/media.subtitles/measurements ${json} -d '{"points":[{"at":"'"${TWO_MINUTES_AGO}"'","good":97,"total":100}]}'

`;
}
