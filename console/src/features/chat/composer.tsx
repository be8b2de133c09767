// Where the message is written. Enter sends, Shift + Enter makes a line; an input method's own Enter does neither.
// An Enter before it is known which models there are sends as soon as that is known, unless the text is changed meanwhile.
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { IconButton } from "../../components/ui/button.tsx";
import { useI18n } from "../../i18n/i18n.tsx";

interface Props {
  isRunning: boolean;
  canSend: boolean;
  onSend(text: string): boolean; // false: not now; the text stays
  onStop(): void;
}

export function Composer({ isRunning, canSend, onSend, onStop }: Props) {
  const { t } = useI18n();
  const hint = useId();
  const [text, setText] = useState("");
  const [isAwaited, setIsAwaited] = useState(false); // Enter was pressed before a message could be sent
  const area = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    area.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    // As high as its text, up to the height that the style sheet allows.
    const element = area.current!;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  const isReady = canSend && !isRunning && text.trim() !== "";
  const send = () => {
    setIsAwaited(!canSend);
    if (isReady && onSend(text.trim())) setText("");
  };
  useEffect(() => {
    if (isAwaited && canSend) send();
  }, [canSend]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="composer">
      <label className="only_heard" htmlFor="message">
        {t("composer.label")}
      </label>
      <textarea
        id="message"
        ref={area}
        rows={1}
        dir="auto"
        value={text}
        placeholder={t("composer.placeholder")}
        aria-describedby={hint}
        onChange={(event) => {
          setText(event.target.value);
          setIsAwaited(false);
        }}
        onKeyDown={onKey}
      />
      <div className="composer_foot">
        <span id={hint} className="composer_hint">
          {t("composer.hint")}
        </span>
        {isRunning ? (
          <IconButton kind="strong" icon="stop" label={t("composer.stop")} onClick={onStop} />
        ) : (
          <IconButton kind="strong" icon="send" label={t("composer.send")} disabled={!isReady} onClick={send} />
        )}
      </div>
    </div>
  );
}
