import type { PrometheusSource, TableSource } from '../config-sources.ts';
import type { PulledSource } from '../slo/source.ts';
import type { Database } from '../storage/client.ts';
import { createPrometheusReader } from './prometheus-reader.ts';
import { createSiblingReader, SYNTHETIC, UPTIME } from './sibling-reader.ts';
import type { SourceReader } from './source-reader.ts';
import { createTableReader } from './table-reader.ts';

export interface SourceReaders {
  /** What tells one source from another: they do not wait for each other. */
  nameOf(source: PulledSource): string;
  /** Null for a source that is not configured. */
  readerOf(name: string): SourceReader | null;
}

/** One reader for each source that there is. */
export function createSourceReaders(
  db: Pick<Database, 'reader'>,
  settings: {
    readonly prometheus: Readonly<Record<string, PrometheusSource>>;
    readonly tables: Readonly<Record<string, TableSource>>;
  },
): SourceReaders {
  const readers = new Map<string, SourceReader>([
    ['uptime', createSiblingReader(db, UPTIME)],
    ['synthetic', createSiblingReader(db, SYNTHETIC)],
  ]);
  for (const [name, source] of Object.entries(settings.prometheus)) {
    readers.set(`prometheus:${name}`, createPrometheusReader(source));
  }
  for (const [name, mapping] of Object.entries(settings.tables)) {
    readers.set(`table:${name}`, createTableReader(db, mapping));
  }
  return {
    nameOf: (source) => ('source' in source ? `${source.type}:${source.source}` : source.type),
    readerOf: (name) => readers.get(name) ?? null,
  };
}
