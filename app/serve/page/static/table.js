// The first lines of a CSV file: what stands between its cells, and its columns with the kinds that these lines show.

const FIRST_BYTES = 65536;
const FIRST_ROWS = 50;
const SEPARATORS = { semicolon: ";", tab: "\t", pipe: "|", comma: ",", blank: " " };
const MISSING = new Set(["", "NA", "NaN", "nan", "null", "NULL", "N/A", "-"]);
const TRUTH = /^(true|false)$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

// The text that a file begins with: unpacked, and without the last line where that may have been cut
export async function firstText(file, encoding) {
  const bytes = (await isPacked(file)) ? await unpacked(file) : new Uint8Array(await file.slice(0, FIRST_BYTES).arrayBuffer());
  const text = new TextDecoder(encoding || marked(bytes)).decode(bytes, { stream: true });
  return bytes.length < FIRST_BYTES ? text : text.slice(0, text.lastIndexOf("\n") + 1);
}

// Whether it begins as gzip files do (RFC 1952)
export async function isPacked(file) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0x1f && second === 0x8b;
}

function marked([first, second]) {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

async function unpacked(file) {
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const bytes = [];
  while (bytes.length < FIRST_BYTES) {
    const { value, done } = await reader.read();
    if (done) break;
    for (const byte of value.subarray(0, FIRST_BYTES - bytes.length)) bytes.push(byte);
  }
  reader.cancel().catch(() => {});
  return Uint8Array.from(bytes);
}

// The names of the separator and the header as a request says them, and {name, kind} of each column
export function describe(given, { separator, header, decimal } = {}) {
  const text = given.replace(/\r\n?/g, "\n");
  const said = text.match(/^sep=(.)\n/i);
  const body = said ? text.slice(said[0].length) : text;
  separator ||= said ? nameOf(said[1]) : found(body);
  const lines = cellsOf(body, SEPARATORS[separator]);
  if (!lines.length) return { separator, header, columns: [] };
  header ||= lines.length > 1 && lines[0].every((cell) => NUMBER.test(cell.replace(",", "."))) ? "absent" : "present";
  const rows = header === "absent" ? lines : lines.slice(1);
  const comma = decimal ? decimal === "comma" : separator !== "comma";
  const width = Math.max(...rows.map((row) => row.length), 0);
  const names = header === "absent" ? lines[0].map((_, place) => (width > 1 ? `x${place + 1}` : "x")) : lines[0];
  const unnamed = Math.max(0, width - names.length); // row names, over which the header has nothing
  const columns = names.map((name, place) => ({ name, kind: kindOf(rows.map((row) => row[place + unnamed] ?? ""), comma) }));
  return { separator, header, columns: columns.filter(({ name }) => name) };
}

function nameOf(separator) {
  return Object.keys(SEPARATORS).find((name) => SEPARATORS[name] === separator) ?? "comma";
}

// The separator that gives most lines the same number of cells
function found(text) {
  let best = { name: "comma", alike: 0 };
  for (const [name, separator] of Object.entries(SEPARATORS)) {
    const counts = new Map();
    for (const { length } of cellsOf(text, separator)) if (length > 1) counts.set(length, (counts.get(length) ?? 0) + 1);
    const alike = Math.max(0, ...counts.values());
    if (alike > best.alike) best = { name, alike };
  }
  return best.name;
}

// The first rows as lists of cells, blank lines left out; a quoted cell may hold separators, quotes and line ends
function cellsOf(text, separator) {
  const rows = [];
  let [row, cell, quoted] = [[], "", false];
  const endCell = () => { row.push(cell.trim()); cell = ""; };
  const endRow = () => {
    endCell();
    if (separator === " ") row = row.filter(Boolean);
    while (row.length && !row.at(-1)) row.pop(); // separators at the end, as spreadsheets write them
    if (row.length) rows.push(row);
    row = [];
  };
  for (let place = text.charCodeAt(0) === 0xfeff ? 1 : 0; place < text.length && rows.length < FIRST_ROWS; place++) {
    const sign = text[place];
    if (quoted && sign === '"' && text[place + 1] === '"') cell += text[++place];
    else if (sign === '"' && (quoted || !cell.trim())) quoted = !quoted;
    else if (quoted) cell += sign;
    else if (sign === separator) endCell();
    else if (sign === "\n") endRow();
    else cell += sign;
  }
  if (cell || row.length) endRow();
  return rows;
}

function kindOf(cells, comma) {
  const given = cells.filter((cell) => !MISSING.has(cell));
  if (!given.length) return "empty";
  if (given.every((cell) => TRUTH.test(cell))) return "boolean";
  if (given.every((cell) => NUMBER.test(comma ? cell.replace(",", ".") : cell))) return "number";
  return given.every((cell) => TIME.test(cell)) ? "datetime" : "text";
}

// Names as a line of CSV: in a query, commas stand between the names of columns
export function csvLine(cells) {
  return cells.map((cell) => (/[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");
}
