const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `]`; `{` and `}` have the next higher bit. */
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BRACE = 0x20;

/**
 * Whether JSON text has more than `most` arrays and objects inside one another. `JSON.parse` takes any depth,
 * but what walks through the value afterwards calls itself, and runs out of stack. The text need not be JSON.
 */
export function isDeeperThan(text: string, most: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
      continue;
    }
    if (code === QUOTE) inString = true;
    else if (code === OPEN || code === OPEN + BRACE) {
      depth++;
      if (depth > most) return true;
    } else if (code === CLOSE || code === CLOSE + BRACE) depth--;
  }
  return false;
}
