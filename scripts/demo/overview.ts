import type { KnownSlo } from './known-slos.ts';

const HEADINGS = ['SLO', 'objective', 'state', 'reliability', 'budget', 'burn rate', 'alert'] as const;

/** In percent, with as many digits as tell two high targets apart. */
function percent(ratio: number | null, digits: number): string {
  return ratio === null ? '-' : `${(ratio * 100).toFixed(digits)} %`;
}

/** How the SLOs stand, an objective a line, for a terminal. */
export function overview(slos: Iterable<KnownSlo>): string {
  const rows: string[][] = [[...HEADINGS]];
  for (const { project, name, status, alerts } of slos) {
    for (const { objective, state, reliability, budget, burn_rate: burnRate } of status.objectives) {
      const fires = alerts.filter((alert) => alert.objective === null || alert.objective === objective);
      const severity = fires.some((alert) => alert.severity === 'page') ? 'page' : fires[0]?.severity;
      rows.push([
        ...[`${project}.${name}`, objective, state, percent(reliability, 3), percent(budget, 0)],
        ...[burnRate === null ? '-' : burnRate.toFixed(2), severity ?? ''],
      ]);
    }
  }
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => {
        const width = widths[column] ?? 0;
        const isNumber = column >= 3 && column <= 5;
        return isNumber ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join('');
}
