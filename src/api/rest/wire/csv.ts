export type CsvCell = string | number | boolean | null;

/** Spreadsheets take a cell that begins so for a formula, whatever quotes are around it. */
const FORMULA = /^[=+\-@\t\r\n]/;
const LINES_A_CHUNK = 200;

/**
 * RFC 4180 with a header line, a line at a time. Text that a spreadsheet would run as a formula gets an apostrophe
 * in front; null is an empty cell.
 */
export function* csvLines<Column extends string>(
  columns: readonly Column[],
  rows: Iterable<Readonly<Record<Column, CsvCell>>>,
): Generator<string> {
  yield lineOf(columns);
  for (const row of rows) yield lineOf(columns.map((column) => row[column]));
}

/** The lines as a body that is written as fast as it is read. */
export function csvStream(lines: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      let chunk = '';
      for (let i = 0; i < LINES_A_CHUNK; i += 1) {
        const next = lines.next();
        if (next.done === true) {
          if (chunk !== '') controller.enqueue(encoder.encode(chunk));
          controller.close();
          return;
        }
        chunk += next.value;
      }
      controller.enqueue(encoder.encode(chunk));
    },
  });
}

const lineOf = (cells: readonly CsvCell[]): string => `${cells.map(cell).join(',')}\r\n`;

function cell(value: CsvCell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
