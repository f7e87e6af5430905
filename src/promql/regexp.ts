import { RE2JS, RE2JSException } from 're2js';

/** An expression that does not compile, with the reason as Go words it. */
export class RegexpError extends Error {
  override readonly name = 'RegexpError';
}

/**
 * Instructions of a compiled expression. Matching takes time in proportion to them for each value, and whoever may
 * query should not be able to buy seconds of the process with a few characters.
 */
const MAX_PROGRAM = 5000;

/**
 * An expression in Go's syntax that runs in linear time; a dot matches a line's end too.
 * @throws RegexpError
 */
export function compileRegexp(expression: string): RE2JS {
  try {
    const pattern = RE2JS.compile(expression, RE2JS.DOTALL);
    if (pattern.programSize() <= MAX_PROGRAM) return pattern;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // The flag is put in front of the expression; its writer has not seen it.
    throw new RegexpError(error.message.replace('`(?s)', '`'), { cause: error });
  }
  throw new RegexpError('error parsing regexp: expression too large');
}
