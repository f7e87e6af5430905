export type CsvCell = string | number | boolean | null;

/** Spreadsheets take a cell that begins so for a formula, whatever quotes are around it. */
const FORMULA = /^[=+\-@\t\r\n]/;

/**
 * RFC 4180 with a header line. Text that a spreadsheet would run as a formula gets an apostrophe in front;
 * null is an empty cell.
 */
export function toCsv<Column extends string>(
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, CsvCell>>[],
): string {
  const lines = [columns.map(cell), ...rows.map((row) => columns.map((column) => cell(row[column])))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function cell(value: CsvCell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
