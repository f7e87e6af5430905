import { RE2JS, RE2JSException } from 're2js';

/** An expression that does not compile, with the reason as Go words it. */
export class RegexpError extends Error {
  override readonly name = 'RegexpError';
}

/**
 * An expression in Go's syntax that runs in linear time; a dot matches a line's end too.
 * @throws RegexpError
 */
export function compileRegexp(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression, RE2JS.DOTALL);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // The flag is put in front of the expression; its writer has not seen it.
    throw new RegexpError(error.message.replace('`(?s)', '`'), { cause: error });
  }
}
