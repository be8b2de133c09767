// Line icons, 20 by 20, drawn for this console. Decoration alone: whatever shows one has a name of its own.

const paths = {
  plus: "M10 4v12M4 10h12",
  send: "M10 16V4m0 0-5 5m5-5 5 5",
  stop: "M6 6h8v8H6z",
  copy: "M7 7V4.5A1.5 1.5 0 0 1 8.5 3h7A1.5 1.5 0 0 1 17 4.5v7a1.5 1.5 0 0 1-1.5 1.5H13M4.5 7h7A1.5 1.5 0 0 1 13 8.5v7a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 15.5v-7A1.5 1.5 0 0 1 4.5 7z",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  again: "M15.5 6.5A6.5 6.5 0 1 0 16.5 11M16 3v4h-4",
  trash: "M4 6h12M8 6V4h4v2m3 0-.7 10H5.7L5 6m3.5 3v4.5M11.5 9v4.5",
  code: "m7 6-4 4 4 4m6-8 4 4-4 4",
  sliders: "M3 6h8m4 0h2M3 14h2m4 0h8M13 4v4M7 12v4",
  close: "m5 5 10 10M15 5 5 15",
  menu: "M3 5h14M3 10h14M3 15h14",
  down: "M10 4v12m0 0-5-5m5 5 5-5",
  chevron: "m6 8 4 4 4-4",
  leave: "M8 4H4.5v12H8m4-9 3 3-3 3m3-3H8",
  back: "M16 10H4m0 0 5-5m-5 5 5 5",
  key: "M7 13.5a3.5 3.5 0 1 1 3.4-4.3l.1.3H17v3h-2v-1.5h-4.5l-.1.2A3.5 3.5 0 0 1 7 13.5zM6.5 10h.01",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 2v1.5m0 13V18M2 10h1.5m13 0H18M4.3 4.3l1.1 1.1m9.2 9.2 1.1 1.1M4.3 15.7l1.1-1.1m9.2-9.2 1.1-1.1",
  globe: "M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15zM2.5 10h15M10 2.5c2.2 2.2 3 4.7 3 7.5s-.8 5.3-3 7.5c-2.2-2.2-3-4.7-3-7.5s.8-5.3 3-7.5z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

// The mark of the product: the levels of a studio.
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" />
      <path d="M8.5 14v4M13.5 9.5v13M18.5 12v8M23.5 15v2" />
    </svg>
  );
}

// Mark and name; on a page without another heading, its heading.
export function Brand({ as: Tag = "span" }: { as?: "span" | "h1" }) {
  return (
    <Tag className="brand">
      <Mark />
      Model Studio
    </Tag>
  );
}
