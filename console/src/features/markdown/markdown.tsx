// A model's text on the page. Every element here is made by us from plain data; the text itself is only ever text.
import { type CSSProperties, Fragment, memo, type ReactNode, useMemo } from "react";
import { CopyButton } from "../../components/ui/copy_button.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { type Align, type Block, parseBlocks } from "./blocks.ts";
import { type Inline, parseInlines } from "./inlines.ts";
import "./markdown.css";

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseBlocks(text), [text]);
  return (
    <div className="markdown" dir="auto">
      <Blocks blocks={blocks} />
    </div>
  );
});

function Blocks({ blocks }: { blocks: Block[] }) {
  return blocks.map((block, index) => <BlockView key={index} block={block} />);
}

// While an answer grows, every block but the last is the same as before and is not drawn again.
const BlockView = memo(
  function BlockView({ block }: { block: Block }) {
    switch (block.kind) {
      case "paragraph":
        return (
          <p>
            <Inlines text={block.text} />
          </p>
        );
      case "heading":
        return <Heading level={block.level} text={block.text} />;
      case "code":
        return <CodeBlock language={block.language} text={block.text} />;
      case "quote":
        return (
          <blockquote>
            <Blocks blocks={block.blocks} />
          </blockquote>
        );
      case "list":
        return <List start={block.start} items={block.items} />;
      case "table":
        return <Table {...block} />;
      case "rule":
        return <hr />;
    }
  },
  (before, after) => JSON.stringify(before.block) === JSON.stringify(after.block),
);

// A heading inside an answer stands below the page's own.
function Heading({ level, text }: { level: number; text: string }) {
  const Tag = level <= 1 ? "h3" : level === 2 ? "h4" : level === 3 ? "h5" : "h6";
  return (
    <Tag>
      <Inlines text={text} />
    </Tag>
  );
}

function List({ start, items }: { start: number | undefined; items: Block[][] }) {
  const children = items.map((blocks, index) => (
    <li key={index}>
      {blocks.map((block, at) =>
        // A short item needs no paragraph of its own.
        block.kind === "paragraph" && at === 0 ? <Inlines key={at} text={block.text} /> : <BlockView key={at} block={block} />,
      )}
    </li>
  ));
  return start === undefined ? <ul>{children}</ul> : <ol start={start}>{children}</ol>;
}

function Table({ aligns, head, rows }: { aligns: Align[]; head: string[]; rows: string[][] }) {
  const style = (column: number): CSSProperties => ({ textAlign: aligns[column] ?? "start" });
  return (
    <div className="markdown_table" role="region" tabIndex={0} aria-label={head.join(", ")}>
      <table>
        <thead>
          <tr>
            {head.map((cell, column) => (
              <th key={column} scope="col" style={style(column)}>
                <Inlines text={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} style={style(column)}>
                  <Inlines text={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CodeBlock({ language, text }: { language: string; text: string }) {
  const { t } = useI18n();
  return (
    <figure className="code_block">
      <figcaption>
        <span>{language}</span>
        <CopyButton text={text} label={t("code.copy")} />
      </figcaption>
      <pre tabIndex={0} dir="ltr">
        <code>{text}</code>
      </pre>
    </figure>
  );
}

const Inlines = memo(function Inlines({ text }: { text: string }) {
  return <Children inlines={parseInlines(text)} />;
});

function Children({ inlines }: { inlines: Inline[] }): ReactNode {
  return inlines.map((inline, index) => <InlineView key={index} inline={inline} />);
}

function InlineView({ inline }: { inline: Inline }) {
  const { t } = useI18n();
  if (typeof inline === "string") return <Fragment>{inline}</Fragment>;
  switch (inline.kind) {
    case "strong":
      return (
        <strong>
          <Children inlines={inline.children} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Children inlines={inline.children} />
        </em>
      );
    case "strike":
      return (
        <s>
          <Children inlines={inline.children} />
        </s>
      );
    case "code":
      return <code>{inline.text}</code>;
    case "break":
      return <br />;
    case "link":
      // The title shows the whole target before anybody follows it.
      return (
        <a href={inline.href} title={inline.href} target="_blank" rel="noopener noreferrer nofollow" referrerPolicy="no-referrer">
          {inline.isImage && inline.children.length === 0 ? (
            t("markdown.image", { text: inline.href })
          ) : inline.isImage ? (
            t("markdown.image", { text: plainText(inline.children) })
          ) : (
            <Children inlines={inline.children} />
          )}
        </a>
      );
  }
}

function plainText(inlines: Inline[]): string {
  return inlines
    .map((inline) => {
      if (typeof inline === "string") return inline;
      if (inline.kind === "code") return inline.text;
      return inline.kind === "break" ? " " : plainText(inline.children);
    })
    .join("");
}
