// A modal dialog on the browser's own element: focus stays inside, Esc closes, and what is behind cannot be reached.
import { type ReactNode, useId, useRef } from "react";
import { useBorrowedFocus } from "../../lib/focus.ts";
import { IconButton } from "./button.tsx";

interface Props {
  title: string;
  closeLabel: string;
  onClose(): void;
  children: ReactNode;
}

export function Dialog({ title, closeLabel, onClose, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useBorrowedFocus(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close(); // what is behind an open one takes no focus
  });
  return (
    // A click on the dialog itself is one beside its content: on the backdrop.
    <dialog
      ref={element}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === element.current && onClose()}
    >
      <div className="dialog_content">
        <header className="dialog_head">
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={closeLabel} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
