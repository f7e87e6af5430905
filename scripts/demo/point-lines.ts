import { MINUTE_MS } from '../../src/lib/duration.ts';
import { formatRfc3339 } from '../../src/lib/rfc3339.ts';
import { referenceOf, type SampleSlo } from './sample-slo.ts';

/** What an SLO measured in `[fromMs, toMs)`, a line of NDJSON for each minute; nothing for one that is not pushed. */
export function* pointLines(slo: SampleSlo, fromMs: number, toMs: number): Generator<string> {
  const { measure } = slo;
  if (measure === null) return;
  const reference = referenceOf(slo);
  for (let ms = fromMs; ms < toMs; ms += MINUTE_MS) {
    yield JSON.stringify({ slo: reference, at: formatRfc3339(ms), ...measure(ms) });
  }
}
