/**
 * Asks the same thing over and over, on many connections. Arguments: a JSON object of autocannon's options
 * (url, method, headers, body, connections, duration). Prints {"perSecond", "p99", "failed"}.
 */
import autocannon, { type Options } from 'autocannon';

const options: Options = JSON.parse(process.argv[2] ?? '{}');
const { requests, latency, errors, timeouts, non2xx, duration } = await autocannon(options);
console.log(
  JSON.stringify({
    perSecond: requests.total / duration,
    p99: latency.p99,
    failed: errors + timeouts + non2xx,
  }),
);
