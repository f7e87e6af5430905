import { cpus, loadavg, totalmem } from 'node:os';

/** The machine and its load, in one line: without them a time says nothing. */
export function machine(): string {
  const [first] = cpus();
  const model = first?.model.trim() ?? 'unknown processor';
  const memory = Math.round(totalmem() / 2 ** 30);
  const [load = 0] = loadavg();
  return `${cpus().length} x ${model}, ${memory} GiB, ${process.platform}, Node ${process.versions.node}, load ${load.toFixed(1)}`;
}
