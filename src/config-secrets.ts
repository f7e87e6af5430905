import type { Config } from './config.ts';
import { decodePercent } from './lib/decode-percent.ts';

/** Every text of the configuration that no log line may hold. */
export function secretsOf(config: Config): string[] {
  const { jwt, license, alertRouter, alertmanagerUrl, databaseUrl, prometheusSources } = config;
  return [
    config.pluginSecret,
    config.accessKeySecret,
    jwt?.key.kind === 'secret' ? jwt.key.secret : null,
    license.key,
    alertRouter?.token,
    alertRouter?.hmacKey,
    ...passwordsIn(databaseUrl),
    ...passwordsIn(alertRouter?.url ?? null),
    ...passwordsIn(alertmanagerUrl),
    ...Object.values(prometheusSources).flatMap(({ headers }) => Object.values(headers)),
  ]
    .filter((text) => text !== null && text !== undefined)
    .filter((text) => text.length >= LEAST_LENGTH);
}

/** A shorter text stands in other words too, and hiding it there would blank the log. */
const LEAST_LENGTH = 6;

/** As it is written in the URL, and as it is sent. */
function passwordsIn(url: string | null): string[] {
  if (url === null || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decodePercent(password)];
}
