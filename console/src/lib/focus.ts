// Gives the focus back to who had it when the part of the page that borrowed it goes.
import { useLayoutEffect } from "react";

// A layout effect: its end comes while the part is still there, before the browser takes the focus away from it.
// `borrow` may return what must happen before the focus can go back.
export function useBorrowedFocus(borrow: () => void | (() => void)): void {
  useLayoutEffect(() => {
    const before = document.activeElement;
    const release = borrow();
    return () => {
      release?.();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
}
