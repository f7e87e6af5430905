export interface WelcomeInput {
  readonly url: string;
  readonly pluginSecret: string;
  /** Where a generated secret is kept; null when it came from the environment. */
  readonly secretsFile: string | null;
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * For a POSIX shell: the time of a point that counts at once, since a status sees complete minutes only. GNU and BSD
 * `date` subtract differently.
 */
export const TWO_MINUTES_AGO =
  '$(date -u -d "2 minutes ago" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v-2M +%Y-%m-%dT%H:%M:%SZ)';

/** What a developer reads after `npm start`. Each command works when pasted by itself into a shell. */
export function welcome({ url, pluginSecret, secretsFile }: WelcomeInput): string {
  const auth = `-H ${quoted(`Authorization: Bearer ${pluginSecret}`)}`;
  const json = `${auth} -H 'Content-Type: application/json'`;
  return `
nself-slo-tracker is ready.

  URL           ${url}
  Bearer token  ${pluginSecret}${secretsFile === null ? '' : `   (kept in ${secretsFile})`}
  GraphiQL      ${url}/graphql

Create an SLO:
curl -sS ${url}/api/v1/slos ${json} -d '{"name":"checkout","target":0.999}'

Tell it what happened (9995 of 10000 requests were good):
curl -sS ${url}/api/v1/slos/default.checkout/measurements ${json} -d '{"points":[{"at":"'"${TWO_MINUTES_AGO}"'","good":9995,"total":10000}]}'

Read its status:
curl -sS ${url}/api/v1/slos/default.checkout ${auth}

`;
}
