// A link to another page of the console: the browser's own in every way, but for the reload.
import type { MouseEvent, ReactNode } from "react";
import { addressOf, navigate, type Target } from "./routes.ts";

export function PageLink({ to, className, children }: { to: Target; className: string; children: ReactNode }) {
  const onClick = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // a tab of its own
    event.preventDefault();
    navigate(to);
  };
  return (
    <a className={className} href={addressOf(to)} onClick={onClick}>
      {children}
    </a>
  );
}
