/** Where a text stops being JSON; both count from 1, the column in UTF-16 units. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** Whether the text merely ends too early. */
  readonly atEnd: boolean;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

type Expected = 'value' | 'first value or ]' | 'first name or }' | 'name' | ':' | ', or ]' | ', or }' | 'end';

/**
 * The first place at which `text` cannot be JSON any more. JSON.parse knows it too, but says it only in the
 * words of its message, and not always.
 */
export function locateJsonFault(text: string): JsonFault {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = matchAt(SPACE, text, at) ?? at;
    const first = text[at] ?? '';
    const end = tokenEnd(text, at, first);
    if (end.broken) return faultAt(text, end.at);
    const next = step(expected, first, open);
    if (next === null) return faultAt(text, at);
    expected = next;
    at = end.at;
  }
}

/** The end of the token that starts here, or the place where it breaks. */
function tokenEnd(text: string, at: number, first: string): { at: number; broken: boolean } {
  if (first === '"') return stringEnd(text, at);
  if (first !== '' && '{}[]:,'.includes(first)) return { at: at + 1, broken: false };
  const end = matchAt(SCALAR, text, at);
  return { at: end ?? at, broken: end === null };
}

/** By hand: a regular expression would have to remember every character of a string of megabytes. */
function stringEnd(text: string, start: number): { at: number; broken: boolean } {
  let at = start + 1;
  while (at < text.length) {
    const character = text.charCodeAt(at);
    if (character === 0x22) return { at: at + 1, broken: false };
    if (character < 0x20) return { at, broken: true };
    if (character === 0x5c) {
      const end = matchAt(ESCAPE, text, at);
      if (end === null) return { at, broken: true };
      at = end;
    } else at += 1;
  }
  return { at, broken: true };
}

function matchAt(sticky: RegExp, text: string, at: number): number | null {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : null;
}

/** What may follow a token by its first character, null where it may not stand. Keeps the open brackets. */
function step(expected: Expected, token: string, open: ('[' | '{')[]): Expected | null {
  switch (expected) {
    case 'first value or ]':
      if (token === ']') return close(open);
      return value(token, open);
    case 'value':
      return value(token, open);
    case 'first name or }':
      if (token === '}') return close(open);
      return token === '"' ? ':' : null;
    case 'name':
      return token === '"' ? ':' : null;
    case ':':
      return token === ':' ? 'value' : null;
    case ', or ]':
      return token === ']' ? close(open) : token === ',' ? 'value' : null;
    case ', or }':
      return token === '}' ? close(open) : token === ',' ? 'name' : null;
    case 'end':
      return null;
  }
}

function value(token: string, open: ('[' | '{')[]): Expected | null {
  if (token === '[') {
    open.push('[');
    return 'first value or ]';
  }
  if (token === '{') {
    open.push('{');
    return 'first name or }';
  }
  return '}]:,'.includes(token) ? null : after(open);
}

function close(open: ('[' | '{')[]): Expected {
  open.pop();
  return after(open);
}

function after(open: readonly ('[' | '{')[]): Expected {
  switch (open.at(-1)) {
    case '[':
      return ', or ]';
    case '{':
      return ', or }';
    case undefined:
      return 'end';
  }
}

function faultAt(text: string, at: number): JsonFault {
  let line = 1;
  let lineStart = 0;
  for (let next = text.indexOf('\n'); next !== -1 && next < at; next = text.indexOf('\n', next + 1)) {
    line += 1;
    lineStart = next + 1;
  }
  return { line, column: at - lineStart + 1, atEnd: at >= text.length };
}
