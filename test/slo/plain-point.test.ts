import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRfc3339 } from '../../src/lib/rfc3339.ts';
import { PlainPointReader } from '../../src/slo/plain-point.ts';

const reader = new PlainPointReader();

/** What the reader makes of a line that stands between others; null where it leaves it to others. */
function read(line: string) {
  const bytes = Buffer.from(`}7"${line}"1}`);
  if (!reader.read(bytes, 3, bytes.length - 3)) return null;
  const { atMs, good, total, bad, value } = reader;
  const slo = bytes.toString('utf8', reader.sloFrom, reader.sloTo);
  return { slo, atMs, good, total, bad, value };
}

/** The same fields as JSON.parse has them; null for what is no object with a good time. */
function parsed(line: string): ReturnType<typeof read> {
  const raw: Record<string, unknown> = JSON.parse(line);
  const number = (name: string): number => (typeof raw[name] === 'number' ? raw[name] : Number.NaN);
  const atMs = typeof raw.at === 'string' ? parseRfc3339(raw.at) : null;
  if (atMs === null || typeof raw.slo !== 'string') return null;
  const counts = { good: number('good'), total: number('total'), bad: number('bad'), value: number('value') };
  return { slo: raw.slo, atMs, ...counts };
}

const AT = '"at":"2026-11-20T12:00:00Z"';

test.each([
  ['counts', `{"slo":"default.api",${AT},"good":9,"total":10}`],
  ['counts of another kind', `{"slo":"default.api",${AT},"bad":1,"total":10.5}`],
  ['a value', `{"slo":"0b8e54f8-5f0e-4a4e-9f27-6d5e5c3a2b10",${AT},"value":-12.25}`],
  ['any order, blanks, a carriage return', `\t{ "total" : 10 ,"good":0, ${AT} , "slo":"a.b" }\r`],
  [
    'the largest exact number of digits',
    `{"slo":"a.b",${AT},"good":999999999999999,"total":999999999999999.5}`,
  ],
  ['neither counts nor a value, which is for others to refuse', `{"slo":"a.b",${AT}}`],
])('%s are read as JSON.parse reads them', (_, line) => {
  expect(read(line)).toEqual(parsed(line));
  expect(read(line)).not.toBeNull();
});

test.each([
  ['a field that comes twice', `{"slo":"a.b",${AT},"good":1,"good":2}`],
  ['a field that is not known', `{"slo":"a.b",${AT},"colour":1}`],
  ['an objective', `{"slo":"a.b",${AT},"value":1,"objective":"fast"}`],
  ['an escape', `{"slo":"a\\u002eb",${AT},"good":1}`],
  ['a letter beyond ASCII', `{"slo":"\u00e4.b",${AT},"good":1}`],
  ['a negative count', `{"slo":"a.b",${AT},"good":-1}`],
  ['a number with an exponent', `{"slo":"a.b",${AT},"good":1e3}`],
  ['a number that JSON does not have', `{"slo":"a.b",${AT},"good":01}`],
  ['another one', `{"slo":"a.b",${AT},"good":1.}`],
  ['and another', `{"slo":"a.b",${AT},"value":-}`],
  ['a number of too many digits', `{"slo":"a.b",${AT},"good":9007199254740993}`],
  ['null', `{"slo":"a.b",${AT},"good":null,"total":1}`],
  ['true', `{"slo":"a.b",${AT},"value":true}`],
  ['a time that is none', '{"slo":"a.b","at":"2026-02-30T00:00:00Z","good":1}'],
  ['no time', '{"slo":"a.b","good":1}'],
  ['no SLO', `{${AT},"good":1}`],
  ['more behind it', `{"slo":"a.b",${AT},"good":1}1`],
  ['a comma at the end', `{"slo":"a.b",${AT},"good":1,}`],
  ['an end too early', `{"slo":"a.b",${AT},"good":1`],
  ['nothing', ''],
  ['a list', '[1]'],
])('%s is left to the reader of any point', (_, line) => {
  expect(read(line)).toBeNull();
});

test('whatever it takes, JSON.parse reads the same', () => {
  const number = fc.oneof(
    fc.nat().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom('0', '-0', '00', '-1', '1.50', '.5', '5.', '1E2', '999999999999999', '9007199254740992'),
  );
  const blank = fc.constantFrom('', '', '', ' ', '\t', '\r');
  const time = fc.constantFrom(
    '2026-11-20T12:00:00Z',
    '2026-11-20T12:00:00.5+01:00',
    '2026-13-01T00:00:00Z',
    '',
  );
  const field = fc.oneof(
    fc.tuple(fc.constantFrom('good', 'total', 'bad', 'value', 'valu', 'objective'), number),
    fc.tuple(
      fc.constant('slo'),
      fc.string().map((text) => JSON.stringify(text)),
    ),
    fc.tuple(
      fc.constant('at'),
      time.map((text) => JSON.stringify(text)),
    ),
  );
  const head = fc.tuple(
    fc.constant(['slo', '"default.api"']),
    time.map((text) => ['at', JSON.stringify(text)]),
  );
  const line = fc
    .tuple(
      head,
      fc.array(field, { maxLength: 3 }),
      fc.array(blank, { minLength: 20, maxLength: 20 }),
      fc.nat(),
      fc.nat(400),
    )
    .map(([first, rest, blanks, letter, place]) => {
      const text = [...first, ...rest].map(
        ([name, value], i) => `${blanks[i]}"${name}"${blanks[i + 6]}:${value}${blanks[i + 12]}`,
      );
      const whole = `{${text.join(',')}}${blanks[19]}`;
      // Now and then a letter is another one.
      if (place >= whole.length) return whole;
      return whole.slice(0, place) + String.fromCharCode(32 + (letter % 96)) + whole.slice(place + 1);
    });
  let taken = 0;
  fc.assert(
    fc.property(line, (text) => {
      const own = read(text);
      if (own === null) return;
      taken += 1;
      expect(own).toEqual(parsed(text));
    }),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(100);
});
