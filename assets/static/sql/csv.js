/** A result as a CSV file. */

/**
 * A field of a line. A text that a spreadsheet would run as a formula begins with an apostrophe.
 * @param {string | null} value
 * @param {boolean} isNumber - whether its column holds numbers, which may begin with a minus
 */
export function csvField(value, isNumber) {
  if (value === null) return "";
  const safe = !isNumber && /^[=+\-@\t\r\n␉␍|%]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * @param {readonly string[]} columns
 * @param {readonly (readonly (string | null)[])[]} rows
 * @param {readonly boolean[]} numbers - which columns hold numbers
 */
export function toCsv(columns, rows, numbers) {
  const lines = [columns.map((name) => csvField(name, false)), ...rows.map((row) => row.map((value, i) => csvField(value, numbers[i])))];
  return `\ufeff${lines.map((line) => `${line.join(",")}\r\n`).join("")}`;
}
