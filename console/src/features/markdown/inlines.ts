// The inside of a paragraph: emphasis, code, links and line ends, as plain data.
//
// A link is kept only where its address is whole and of a scheme that cannot run anything; an image becomes a link, as
// loading it would tell a stranger what was read. Time is linear: a mark without its partner is looked for once.

export type Inline =
  | string
  | { kind: "strong" | "em" | "strike"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[]; isImage: boolean }
  | { kind: "break" };

const MAX_DEPTH = 6; // marks inside one another
const MAX_LINK_TEXT = 1000;
const MAX_HREF = 2000;
const MAX_MARKED = 1000; // emphasis over more than this is no emphasis; bounds the search

const SAFE_SCHEMES = ["http:", "https:", "mailto:"];
const BARE_LINK = /https?:\/\/[^\s<>"'`\\^{}|]{1,2000}/y;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
// Where something other than text may begin.
const SPECIAL = /[\\`*_~[!\nh<]/g;

// The address as the browser would take it; undefined where it is not one that may be followed.
export function safeHref(text: string): string | undefined {
  if (text.length > MAX_HREF || !/^[a-z]+:/i.test(text)) return undefined;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  return SAFE_SCHEMES.includes(url.protocol) ? url.href : undefined;
}

export function parseInlines(text: string): Inline[] {
  return new InlineParser(text, 0).parse();
}

const MARKS: [string, "strong" | "em" | "strike"][] = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "strike"],
  ["*", "em"],
  ["_", "em"],
];

class InlineParser {
  private readonly text: string;
  private readonly depth: number;
  private readonly out: Inline[] = [];
  private plain = "";
  private at = 0;
  private readonly absent = new Set<string>(); // marks of which no more come

  constructor(text: string, depth: number) {
    this.text = text;
    this.depth = depth;
  }

  parse(): Inline[] {
    while (this.at < this.text.length) {
      SPECIAL.lastIndex = this.at;
      const next = SPECIAL.exec(this.text)?.index ?? this.text.length;
      this.plain += this.text.slice(this.at, next);
      this.at = next;
      if (next === this.text.length) break;
      if (this.escape() || this.lineEnd() || this.code() || this.link() || this.bareLink() || this.mark()) continue;
      this.plain += this.text[this.at++];
    }
    this.flush();
    return this.out;
  }

  private flush(): void {
    if (this.plain) this.out.push(this.plain);
    this.plain = "";
  }

  private push(inline: Inline, end: number): true {
    this.flush();
    this.out.push(inline);
    this.at = end;
    return true;
  }

  private children(text: string): Inline[] {
    return this.depth >= MAX_DEPTH ? [text] : new InlineParser(text, this.depth + 1).parse();
  }

  // Where the mark comes next; -1 for never, which is remembered.
  private find(mark: string, from: number): number {
    if (this.absent.has(mark)) return -1;
    const found = this.text.indexOf(mark, from);
    if (found < 0) this.absent.add(mark);
    return found;
  }

  private escape(): boolean {
    const next = this.text[this.at + 1];
    if (this.text[this.at] !== "\\" || next === undefined) return false;
    if (next === "\n") return this.push({ kind: "break" }, this.at + 2);
    if (!ESCAPABLE.test(next)) return false;
    this.plain += next;
    this.at += 2;
    return true;
  }

  // Models mean a line end where they write one.
  private lineEnd(): boolean {
    if (this.text[this.at] !== "\n") return false;
    this.plain = this.plain.trimEnd();
    return this.push({ kind: "break" }, this.at + 1);
  }

  private code(): boolean {
    if (this.text[this.at] !== "`") return false;
    let length = 1;
    while (this.text[this.at + length] === "`") ++length;
    const fence = "`".repeat(length);
    const start = this.at + length;
    let end = this.find(fence, start);
    // A longer run is another mark.
    while (end >= 0 && this.text[end + length] === "`") {
      let past = end + length;
      while (this.text[past] === "`") ++past;
      end = this.find(fence, past);
    }
    if (end < 0) {
      this.plain += fence;
      this.at = start;
      return true;
    }
    let inner = this.text.slice(start, end).replaceAll("\n", " ");
    if (inner.length > 2 && inner.startsWith(" ") && inner.endsWith(" ")) inner = inner.slice(1, -1);
    return this.push({ kind: "code", text: inner }, end + length);
  }

  // [text](address "title") and ![text](address).
  private link(): boolean {
    const isImage = this.text.startsWith("![", this.at);
    if (!isImage && this.text[this.at] !== "[") return false;
    const start = this.at + (isImage ? 2 : 1);
    const middle = this.find("](", start);
    if (middle < 0 || middle - start > MAX_LINK_TEXT) return false;
    const label = this.text.slice(start, middle);
    if (label.includes("[")) return false; // the inner one is the link
    const target = /^\(<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:[ \t]+(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'))?\)/.exec(
      this.text.slice(middle + 1, middle + 1 + MAX_HREF + 210),
    );
    const href = target && safeHref(target[1]!);
    if (!target || !href) return false;
    return this.push({ kind: "link", href, children: this.children(label), isImage }, middle + 1 + target[0].length);
  }

  private bareLink(): boolean {
    const isBracketed = this.text[this.at] === "<";
    if (!isBracketed && (this.text[this.at] !== "h" || /\w/.test(this.text[this.at - 1] ?? ""))) return false;
    BARE_LINK.lastIndex = this.at + (isBracketed ? 1 : 0);
    const found = BARE_LINK.exec(this.text)?.[0];
    if (!found) return false;
    const after = BARE_LINK.lastIndex;
    if (isBracketed && this.text[after] !== ">") return false;
    const address = isBracketed ? found : trimmedEnd(found);
    const href = safeHref(address);
    if (!href) return false;
    const end = isBracketed ? after + 1 : this.at + address.length;
    return this.push({ kind: "link", href, children: [address], isImage: false }, end);
  }

  private mark(): boolean {
    for (const [mark, kind] of MARKS) {
      if (!this.text.startsWith(mark, this.at)) continue;
      const start = this.at + mark.length;
      const end = this.closing(mark, start);
      if (end > start) return this.push({ kind, children: this.children(this.text.slice(start, end)) }, end + mark.length);
      this.plain += mark;
      this.at = start;
      return true;
    }
    return false;
  }

  // The mark's partner: it hugs what it ends, as the mark hugs what it begins. -1 where there is none.
  private closing(mark: string, start: number): number {
    const isInWord = (at: number) => mark[0] === "_" && /\w/.test(this.text[at] ?? "");
    if (/\s/.test(this.text[start] ?? " ") || isInWord(this.at - 1)) return -1;
    for (let end = this.find(mark, start); end >= 0; end = this.find(mark, end + mark.length)) {
      const isWhole = mark.length === 2 || (this.text[end + 1] !== mark && this.text[end - 1] !== mark);
      if (end > start && isWhole && !/\s/.test(this.text[end - 1]!) && !isInWord(end + mark.length)) return end;
      if (end - start > MAX_MARKED) return -1;
    }
    return -1;
  }
}

// A sentence's end is not the address's, nor is a bracket that began before it.
function trimmedEnd(address: string): string {
  let end = address.length;
  while (end > 0 && /[.,;:!?*_~)\]]/.test(address[end - 1]!)) {
    if (address[end - 1] === ")" && address.slice(0, end).split("(").length >= address.slice(0, end).split(")").length) break;
    --end;
  }
  return address.slice(0, end);
}
