/** A share as a person reads it, to a thousandth of a percent; `-` where there is none. */
export function percent(share: number | null): string {
  return share === null ? '-' : `${Number((share * 100).toFixed(3))} %`;
}

/** Columns as wide as their widest cell, the titles above them, a line a row. */
export function textTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), title.length),
  );
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()}\n`;
  return [titles, ...rows].map(line).join('');
}
