/** An error of a request, as Hasura reports it: its own refusal, or what the remote schema answered. */
export class HasuraError extends Error {
  readonly code: string;
  /** What the remote said, where it was the remote. */
  readonly errors: readonly unknown[];

  constructor(code: string, message: string, errors: readonly unknown[] = []) {
    super(message);
    this.code = code;
    this.errors = errors;
  }
}
