import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Headers } from './session.ts';

/** Posts with these headers and no others, as `fetch` does not: it sends an Accept. The status is not looked at. */
export function postJson(url: string, headers: Headers, body: unknown): Promise<unknown> {
  const bytes = Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: 'POST', headers: { ...headers, 'content-length': String(bytes.length) }, agent: false },
      (answer) => json(answer).then(resolve, reject),
    );
    call.on('error', reject);
    call.end(bytes);
  });
}
