// Markdown into blocks: what models write (CommonMark's usual parts and tables), as plain data that holds text alone.
//
// There is no raw HTML: a tag is text like any other. Time is linear in the text, for each of a few levels of nesting.

export type Align = "left" | "center" | "right" | undefined;

export type Block =
  | { kind: "paragraph"; text: string }
  | { kind: "heading"; level: number; text: string }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; start: number | undefined; items: Block[][] } // start: of an ordered list
  | { kind: "table"; aligns: Align[]; head: string[]; rows: string[][] }
  | { kind: "rule" };

const MAX_DEPTH = 6; // quotes and lists inside one another; beyond it they are paragraphs
const MAX_COLUMNS = 64; // of a table

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

export function parseBlocks(text: string): Block[] {
  return blocksOf(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function blocksOf(lines: string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (line.trim() === "") {
      ++at;
      continue;
    }
    const taken =
      code(lines, at) ?? heading(line) ?? rule(line) ?? quote(lines, at, depth) ?? list(lines, at, depth) ?? table(lines, at) ??
      paragraph(lines, at);
    blocks.push(taken.block);
    at += taken.lines;
  }
  return blocks;
}

type Taken = { block: Block; lines: number } | undefined;

// An unclosed fence goes to the end: the answer is still being written.
function code(lines: string[], at: number): Taken {
  const open = FENCE.exec(lines[at]!);
  if (!open) return undefined;
  const [, fence = "", language = ""] = open;
  const indent = lines[at]!.search(/\S/);
  const body: string[] = [];
  let end = at + 1;
  for (; end < lines.length; ++end) {
    const line = lines[end]!;
    const rest = line.trim();
    if (rest.length >= fence.length && rest === fence[0]!.repeat(rest.length)) break;
    body.push(line.slice(Math.min(indent, line.search(/\S|$/))));
  }
  return { block: { kind: "code", language, text: body.join("\n") }, lines: Math.min(end + 1, lines.length) - at };
}

function heading(line: string): Taken {
  const match = HEADING.exec(line);
  return match ? { block: { kind: "heading", level: match[1]!.length, text: match[2] ?? "" }, lines: 1 } : undefined;
}

function rule(line: string): Taken {
  return RULE.test(line) ? { block: { kind: "rule" }, lines: 1 } : undefined;
}

function quote(lines: string[], at: number, depth: number): Taken {
  if (depth >= MAX_DEPTH || !QUOTE.test(lines[at]!)) return undefined;
  const inner: string[] = [];
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end]!)) inner.push(lines[end++]!.replace(QUOTE, ""));
  return { block: { kind: "quote", blocks: blocksOf(inner, depth + 1) }, lines: end - at };
}

function list(lines: string[], at: number, depth: number): Taken {
  const first = ITEM.exec(lines[at]!);
  if (depth >= MAX_DEPTH || !first) return undefined;
  const marker = first[2]!;
  const kind = marker.at(-1)!; // "-", "*", "+", "." or ")": another one begins another list
  const items: Block[][] = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]!);
    if (!match || match[2]!.at(-1) !== kind || RULE.test(lines[end]!)) break;
    const width = match[3]!.length > 4 || match[3] === "" ? match[1]!.length + match[2]!.length + 1 : match[0].length;
    const inner = [lines[end]!.slice(match[0].length)];
    end = takeItem(lines, end + 1, width, inner);
    items.push(blocksOf(inner, depth + 1));
    const next = afterBlanks(lines, end);
    if (ITEM.test(lines[next] ?? "")) end = next;  // a blank line between two items does not part them
  }
  const start = marker.length > 1 ? Number.parseInt(marker, 10) : undefined;
  return { block: { kind: "list", start, items }, lines: end - at };
}

function afterBlanks(lines: string[], from: number): number {
  let at = from;
  while (at < lines.length && lines[at]!.trim() === "") ++at;
  return at;
}

// The lines of an item after its first: indented ones, blank ones between them, and lazy ones of its last paragraph.
function takeItem(lines: string[], from: number, width: number, inner: string[]): number {
  let end = from;
  let blanks = 0;
  for (; end < lines.length; ++end) {
    const line = lines[end]!;
    if (line.trim() === "") {
      ++blanks;
      continue;
    }
    const indent = line.search(/\S/);
    const isInside = indent >= width;
    const isLazy = blanks === 0 && !ITEM.test(line) && !startsBlock(line);
    // Models indent an inner list by two, whatever the width of the number above it.
    const isInnerItem = indent >= 2 && ITEM.test(line.slice(indent));
    if (!isInside && !isLazy && !isInnerItem) break;
    for (; blanks > 0; --blanks) inner.push("");
    inner.push(line.slice(Math.min(indent, width)));
  }
  return end - blanks;
}

function startsBlock(line: string): boolean {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line);
}

function table(lines: string[], at: number): Taken {
  const under = lines[at + 1];
  if (under === undefined || !lines[at]!.includes("|") || !under.includes("-") || !TABLE_RULE.test(under)) return undefined;
  const head = cells(lines[at]!);
  const aligns = cells(under).map(alignOf);
  if (head.length !== aligns.length || head.length > MAX_COLUMNS) return undefined;
  const rows: string[][] = [];
  let end = at + 2;
  for (; end < lines.length && lines[end]!.trim() !== "" && lines[end]!.includes("|"); ++end) {
    const row = cells(lines[end]!).slice(0, head.length);
    while (row.length < head.length) row.push("");
    rows.push(row);
  }
  return { block: { kind: "table", aligns, head, rows }, lines: end - at };
}

function cells(line: string): string[] {
  const found: string[] = [];
  let cell = "";
  const text = line.trim();
  for (let i = text.startsWith("|") ? 1 : 0; i < text.length; ++i) {
    if (text[i] === "\\" && text[i + 1] === "|") {
      cell += text[++i];
    } else if (text[i] === "|") {
      found.push(cell.trim());
      cell = "";
    } else {
      cell += text[i];
    }
  }
  if (cell.trim() !== "" || !text.endsWith("|")) found.push(cell.trim());
  return found;
}

function alignOf(cell: string): Align {
  const left = cell.startsWith(":");
  const right = cell.endsWith(":");
  return left && right ? "center" : right ? "right" : left ? "left" : undefined;
}

function paragraph(lines: string[], at: number): { block: Block; lines: number } {
  let end = at + 1;
  while (end < lines.length && lines[end]!.trim() !== "" && !startsBlock(lines[end]!) && !ITEM.test(lines[end]!)) {
    if (table(lines, end)) break;
    ++end;
  }
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n");
  return { block: { kind: "paragraph", text }, lines: end - at };
}
