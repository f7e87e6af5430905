const startedMs = performance.now();

/** One line on stderr, with the seconds since the start; stdout is for the results alone. */
export function progress(line: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`${seconds.padStart(7)} s  ${line}\n`);
}
