const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What names an SLO within its account. */
export type SloReference = { readonly id: string } | { readonly project: string; readonly name: string };

/** Reads a UUID or `project.name`; null for a text that names nothing. */
export function parseReference(text: string): SloReference | null {
  // NUL is no text to PostgreSQL, and no name either.
  if (text.includes('\0')) return null;
  if (UUID.test(text)) return { id: text.toLowerCase() };
  const dot = text.indexOf('.');
  return dot < 1 ? null : { project: text.slice(0, dot), name: text.slice(dot + 1) };
}

/** As it is found again among the SLOs that were read. */
export const referenceKey = (ref: SloReference): string =>
  'id' in ref ? ref.id : `${ref.project}.${ref.name}`;
