/** Where a group or an environment of LaTeX ends. A backslash takes the character after it along. */

/**
 * The index after the brace that closes the one at `at`; -1 where none does.
 * @param {string} text
 * @param {number} at
 * @param {string} [open]
 * @param {string} [close]
 */
export function groupEnd(text, at, open = "{", close = "}") {
  if (text[at] !== open) return -1;
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === open) depth += 1;
    else if (text[i] === close) {
      depth -= 1;
      if (!depth) return i + 1;
    }
  }
  return -1;
}

const LONGEST = 20_000; // characters of an environment

/**
 * The environment that begins at `at`; null where it has no end.
 * @param {string} text
 * @param {number} at - of `\begin{`
 * @returns {{ name: string, body: string, end: number } | null}
 */
export function environmentAt(text, at) {
  const name = /^\\begin\{([A-Za-z]+\*?)\}/.exec(text.slice(at, at + 40))?.[1];
  if (!name) return null;
  const mark = new RegExp(`\\\\(begin|end)\\{${name.replace("*", "\\*")}\\}`, "g");
  mark.lastIndex = at;
  let depth = 0;
  for (let match = mark.exec(text); match && match.index - at < LONGEST; match = mark.exec(text)) {
    depth += match[1] === "begin" ? 1 : -1;
    if (!depth) return { name, body: text.slice(at + name.length + 8, match.index), end: mark.lastIndex };
  }
  return null;
}

/**
 * Splits at separators that are in no group and no environment: cells at `&`, rows at `\\`.
 * @param {string} text
 * @param {"&" | "\\\\"} separator
 */
export function splitOutside(text, separator) {
  const token = /\\(begin|end)\b|\\\\|\\.|[{}&]/gs;
  /** @type {string[]} */
  const parts = [];
  let depth = 0;
  let from = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const found = match[0];
    if (found === "{" || match[1] === "begin") depth += 1;
    else if (found === "}" || match[1] === "end") depth -= 1;
    else if (found === separator && !depth) {
      parts.push(text.slice(from, match.index));
      from = token.lastIndex;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/**
 * Replaces calls of a command by what `replace` makes of its arguments; calls with too few arguments stay.
 * @param {string} tex
 * @param {string} name
 * @param {number} count - of arguments in braces
 * @param {(...args: string[]) => string} replace
 */
export function replaceCommand(tex, name, count, replace) {
  const token = new RegExp(`\\\\\\\\|\\\\${name}(?![A-Za-z])\\s*(?=[{[])`, "g");
  let made = "";
  let from = 0;
  for (let match = token.exec(tex); match; match = token.exec(tex)) {
    if (match[0] === "\\\\") continue;
    let at = token.lastIndex;
    if (tex[at] === "[") at = groupEnd(tex, at, "[", "]"); // an optional argument is dropped
    /** @type {string[]} */
    const args = [];
    while (args.length < count && at > 0) {
      while (/\s/.test(tex[at] ?? "")) at += 1;
      const end = groupEnd(tex, at);
      if (end > 0) args.push(tex.slice(at + 1, end - 1));
      at = end;
    }
    if (args.length < count) continue;
    made += tex.slice(from, match.index) + replace(...args);
    from = at;
    token.lastIndex = at;
  }
  return made + tex.slice(from);
}
