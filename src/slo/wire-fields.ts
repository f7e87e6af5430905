/** A JSON object as it came. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** On the wire null is the same as leaving a field out. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
