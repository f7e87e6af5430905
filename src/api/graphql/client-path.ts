/** These hold JSON as in the REST API, so that what follows in the path is as the client wrote it. */
const JSON_FIELDS = /^(?:labels|time_window|sli|alert_policy)(?=[.[]|$)/;

/** The path of a fault as a GraphQL client wrote it: `objectives[0].time_slice_target` in camelCase. */
export function clientPath(path: string): string {
  const [head] = JSON_FIELDS.exec(path) ?? [path];
  return camelCase(head) + path.slice(head.length);
}

function camelCase(path: string): string {
  return path.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
