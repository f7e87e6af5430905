import { PLUGIN_NAME } from '../../src/services/license.ts';
import { PORT } from './manifest.ts';
import type { Variable } from './variables.ts';

/** Decided here: in the container the service listens on all addresses. */
const FIXED: Readonly<Record<string, string>> = {
  NODE_ENV: 'production',
  HOST: '0.0.0.0',
  PORT: String(PORT),
};

/** Means nothing in a container, which brings no embedded database. */
const LEFT_OUT = new Set(['DATA_DIR']);

/**
 * docker-compose.plugin.yml. Siblings reach a plugin as `plugin-<name>`, with or without the prefix; the host
 * publishes it on loopback alone. A variable without a value is handed through where the stack sets it.
 */
export function compose(variables: readonly Variable[]): object {
  const service = `plugin-${PLUGIN_NAME}`;
  return {
    services: {
      [service]: {
        build: { context: '.' },
        restart: 'unless-stopped',
        // Draining takes up to 10 s.
        stop_grace_period: '15s',
        environment: Object.fromEntries(
          variables.filter(({ name }) => !LEFT_OUT.has(name)).map(({ name }) => [name, FIXED[name] ?? null]),
        ),
        volumes: [`\${HOME}/.nself/license:/home/node/.nself/license:ro`],
        ports: [`127.0.0.1:${PORT}:${PORT}`],
        networks: { default: { aliases: [`plugin-${PLUGIN_NAME.replace(/^nself-/, '')}`] } },
      },
    },
  };
}
