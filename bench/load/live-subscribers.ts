/**
 * Opens many subscriptions, each on a connection of its own, spread over the SLOs `live-0`, `live-1` and so on.
 * The display name of an SLO says which change an event tells. Arguments: URL, authorization, `ws` or `sse`, how
 * many subscribers, how many SLOs. Prints {"open"} when all have heard how their SLO stands, and then for each
 * round of as many events {"heard"}: by SLO, when each event had arrived, in milliseconds since 1970.
 */
import { request } from 'node:http';
import { WebSocket } from 'ws';

const [url = '', authorization = '', transport = '', subscribers = '', slos = ''] = process.argv.slice(2);
const count = Number(subscribers);

const query = (n: number): string =>
  `subscription { sloStatusChanged(ids: ["default.live-${n % Number(slos)}"]) { id name displayName state status { objectives { budget burnRate } } } }`;

let opened = 0;
let arrived = 0;
let heard: Record<string, number[]> = {};

/** One event's text; the first one of a subscriber tells of no change yet. */
function onEvent(text: string): void {
  if (text.includes('"displayName":""')) {
    opened += 1;
    if (opened === count) console.log(JSON.stringify({ open: opened }));
    return;
  }
  const name = /"name":"([^"]+)"/.exec(text)?.[1] ?? '';
  heard[name] ??= [];
  heard[name].push(Date.now());
  arrived += 1;
  if (arrived < count) return;
  console.log(JSON.stringify({ heard }));
  arrived = 0;
  heard = {};
}

function openSocket(n: number): Promise<void> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  return new Promise((resolve, reject) => {
    socket.once('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: authorization } })),
    );
    socket.on('message', (data) => {
      const text = String(data);
      if (text.includes('"connection_ack"')) {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: query(n) } }));
        resolve();
      } else if (text.includes('"next"')) {
        onEvent(text);
      }
    });
    socket.once('error', reject);
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

function openStream(n: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/graphql`, {
      method: 'POST',
      agent: false,
      headers: { authorization, accept: 'text/event-stream', 'content-type': 'application/json' },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) if (event.startsWith('event: next')) onEvent(event);
      });
      if (response.statusCode === 200) resolve();
      else reject(new Error(`answered ${response.statusCode}`));
    });
    sent.end(JSON.stringify({ query: query(n) }));
  });
}

for (let n = 0; n < count; n += 1) await (transport === 'ws' ? openSocket(n) : openStream(n));
