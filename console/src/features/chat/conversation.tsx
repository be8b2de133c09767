// The turns of a chat. It stays at its end while an answer grows, unless the reader has gone up to read.
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../../components/ui/button.tsx";
import { Mark } from "../../components/ui/icon.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { TurnView } from "./turn_view.tsx";
import type { Chat, Turn } from "./types.ts";

const NEAR_END_PX = 80;
const HEARD_CHARACTERS = 600; // of an answer, read out when it is complete; the rest is there to be read

interface Props {
  chat: Chat | undefined;
  model: string;
  onAgain(): void;
  onSuggestion(text: string): void;
}

export function Conversation({ chat, model, onAgain, onSuggestion }: Props) {
  const { t } = useI18n();
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = useState(true);
  const turns = chat?.turns ?? [];

  useEffect(() => {
    const element = scroller.current!;
    if (isAtEnd) element.scrollTop = element.scrollHeight;
  }, [turns, isAtEnd]);
  useEffect(() => setIsAtEnd(true), [turns.length]); // a new turn is looked at

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    setIsAtEnd(scrollHeight - scrollTop - clientHeight < NEAR_END_PX);
  };
  return (
    <div className="conversation_frame">
      <div ref={scroller} className="conversation" onScroll={onScroll} tabIndex={0} role="region" aria-label={t("chat.conversation")}>
        {turns.length === 0 ? (
          <Welcome model={model} onSuggestion={onSuggestion} />
        ) : (
          <ol className="turns">
            {turns.map((turn, index) => (
              <TurnView key={turn.id} turn={turn} onAgain={index === turns.length - 1 ? onAgain : undefined} />
            ))}
          </ol>
        )}
      </div>
      {!isAtEnd && (
        <span className="to_end">
          <IconButton icon="down" label={t("chat.to_end")} onClick={() => setIsAtEnd(true)} />
        </span>
      )}
      <Announcement turn={turns.at(-1)} />
    </div>
  );
}

// What a screen reader says: that an answer began, and then the answer; not each of its pieces.
function Announcement({ turn }: { turn: Turn | undefined }) {
  const { t } = useI18n();
  const [hasRun, setHasRun] = useState(false); // a chat that was opened is not read out
  useEffect(() => {
    if (turn?.state === "running") setHasRun(true);
  }, [turn?.state]);
  let text = "";
  if (turn?.role === "assistant" && hasRun) {
    text = turn.state === "running" ? t("chat.answering") : t("chat.answered", { text: turn.content.slice(0, HEARD_CHARACTERS) });
  }
  return (
    <div className="only_heard" aria-live="polite" data-testid="announcement">
      {text}
    </div>
  );
}

const suggestions = ["chat.suggestion_1", "chat.suggestion_2", "chat.suggestion_3", "chat.suggestion_4"] as const;

function Welcome({ model, onSuggestion }: { model: string; onSuggestion(text: string): void }) {
  const { t } = useI18n();
  return (
    <div className="welcome">
      <Mark />
      <h2>{t("chat.greeting")}</h2>
      {model && <p>{t("chat.greeting_detail", { model })}</p>}
      <ul>
        {suggestions.map((key) => (
          <li key={key}>
            <button type="button" disabled={!model} onClick={() => onSuggestion(t(key))}>
              {t(key)}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
