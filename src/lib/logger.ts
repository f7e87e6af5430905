import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';

const HIDDEN = '[hidden]';

/** Keys whose value is never written, at the top of a line and one or two levels deep. */
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  '["set-cookie"]',
  '["x-plugin-secret"]',
  '["X-Plugin-Secret"]',
  '["proxy-authorization"]',
  'password',
  'secret',
  'token',
  'pluginSecret',
  'accessKeySecret',
  'databasePassword',
  'databaseUrl',
  'connectionString',
];

function under(prefix: string): string[] {
  return SECRET_KEYS.map((key) => (key.startsWith('[') ? `${prefix}${key}` : `${prefix}.${key}`));
}

const PATHS = [...SECRET_KEYS, ...under('*'), ...under('*.*')];

/** `scheme://user:password@host`, wherever it stands in a text; without a user too. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@"]*:)[^\s/?#"]*@/gi;
const CREDENTIALS = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=:-]{8,}/gi;

/** The text without the passwords in its URLs and without its Authorization credentials. */
export function redact(text: string): string {
  return text.replace(URL_PASSWORD, `$1${HIDDEN}@`).replace(CREDENTIALS, `$1 ${HIDDEN}`);
}

/**
 * JSON lines on stdout, or on `destination`. Credentials never appear in them: not under the keys that usually
 * hold them, nor within messages, nor in errors. `secrets` are hidden wherever they stand.
 */
export function createLogger(
  level: string,
  secrets: readonly string[] = [],
  destination?: DestinationStream,
): Logger {
  const written = secrets
    .filter((secret) => secret !== '')
    .map((secret) => JSON.stringify(secret).slice(1, -1));
  const hide = (line: string): string =>
    written.reduce((text, secret) => text.replaceAll(secret, HIDDEN), redact(line));
  const options = {
    level,
    base: { plugin: 'nself-slo-tracker' },
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: PATHS, censor: HIDDEN },
    serializers: { err: stdSerializers.err, error: stdSerializers.err },
    hooks: { streamWrite: hide },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
