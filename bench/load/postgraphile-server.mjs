// PostGraphile 5 over the tables of a database, every request in the tenant role of the account that its
// header names. It is copied to where PostGraphile is installed, and runs there. Argument: the database's
// URL. Prints {"port"}.
import { createServer } from 'node:http';
// biome-ignore-start lint/correctness/noUndeclaredDependencies: it is installed for the bench alone.
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

// biome-ignore-end lint/correctness/noUndeclaredDependencies: see above.

const [connectionString] = process.argv.slice(2);
// As many connections as ours.
const CONNECTIONS = 12;

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, schemas: ['public'], poolConfig: { max: CONNECTIONS } })],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    context: ({ node }) => ({
      pgSettings: {
        role: 'np_slo_tenant',
        'app.source_account_id': node?.req.headers['x-source-account-id'] ?? 'primary',
      },
    }),
  },
});
const server = createServer();
server.on('error', (error) => {
  throw error;
});
await instance.createServ(grafserv).addTo(server);
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
