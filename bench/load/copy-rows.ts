/**
 * Copies a file into a table, as COPY's own text format, in one transaction. Arguments: database URL, table
 * with its columns, file. Prints {"ms"}.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from } from 'pg-copy-streams';

const [url = '', table = '', file = ''] = process.argv.slice(2);

const client = new pg.Client({ connectionString: url });
await client.connect();
const startedMs = performance.now();
await pipeline(
  createReadStream(file, { highWaterMark: 256 * 1024 }),
  client.query(from(`COPY ${table} FROM STDIN`)),
);
console.log(JSON.stringify({ ms: performance.now() - startedMs }));
await client.end();
