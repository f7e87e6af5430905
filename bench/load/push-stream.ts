/**
 * Sends a file of measurements to `POST /api/v1/measurements` and waits for the answer, after which every
 * snapshot is right. Arguments: URL, authorization, file. Prints {"ms", "accepted", "rejected"}.
 */
import { createReadStream } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const [url = '', authorization = '', file = ''] = process.argv.slice(2);
const answerSchema = z.object({ accepted: z.number(), rejected: z.number() });

const startedMs = performance.now();
const sent = request(url, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/x-ndjson' },
});
const answered = new Promise<string>((resolve, reject) => {
  sent.once('error', reject);
  sent.once('response', (response) => {
    text(response).then((body) => {
      if (response.statusCode === 202) resolve(body);
      else reject(new Error(`${response.statusCode} ${body}`));
    }, reject);
  });
});
createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(sent);
const { accepted, rejected } = answerSchema.parse(JSON.parse(await answered));
console.log(JSON.stringify({ ms: performance.now() - startedMs, accepted, rejected }));
