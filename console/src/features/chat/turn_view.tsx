// One turn: what was asked, or an answer with its reasoning apart, its pace, and what can be done with it.
import { memo } from "react";
import { CopyButton } from "../../components/ui/copy_button.tsx";
import { IconButton } from "../../components/ui/button.tsx";
import { Icon } from "../../components/ui/icon.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { Markdown } from "../markdown/markdown.tsx";
import { readingOf } from "./meter.ts";
import type { Turn } from "./types.ts";

interface Props {
  turn: Turn;
  onAgain: (() => void) | undefined; // of the last turn
}

export const TurnView = memo(function TurnView({ turn, onAgain }: Props) {
  return turn.role === "user" ? <Question turn={turn} /> : <Answer turn={turn} onAgain={onAgain} />;
});

function Question({ turn }: { turn: Turn }) {
  const { t } = useI18n();
  return (
    <li className="turn turn_user">
      <h2 className="only_heard">{t("chat.you")}</h2>
      <p dir="auto">{turn.content}</p>
    </li>
  );
}

function Answer({ turn, onAgain }: Props) {
  const { t } = useI18n();
  const isRunning = turn.state === "running";
  const isSilent = isRunning && !turn.content && !turn.reasoning;
  return (
    <li className="turn turn_assistant" aria-busy={isRunning}>
      <h2 className="only_heard">{t("chat.assistant")}</h2>
      {isSilent && (
        <p className="waiting">
          <span className="only_heard">{t("chat.waiting")}</span>
          <i />
          <i />
          <i />
        </p>
      )}
      {turn.reasoning && <Reasoning turn={turn} text={turn.reasoning} />}
      {turn.content && <Markdown text={turn.content} />}
      {turn.problem && <Notice problem={turn.problem} />}
      <footer className="turn_foot">
        <Pace turn={turn} />
        {!isRunning && (
          <span className="turn_actions">
            {turn.content && <CopyButton text={turn.content} label={t("turn.copy")} />}
            {onAgain && <IconButton icon="again" label={t("turn.again")} onClick={onAgain} />}
          </span>
        )}
      </footer>
    </li>
  );
}

function Reasoning({ turn, text }: { turn: Turn; text: string }) {
  const { t, number } = useI18n();
  const isRunning = turn.state === "running" && !turn.content;
  const seconds = (turn.meter?.reasoningMs ?? 0) / 1000;
  const title = isRunning ? t("reasoning.running") : seconds > 0 ? t("reasoning.done", { seconds: number(seconds, 1) }) : t("reasoning.plain");
  return (
    <details className="reasoning" data-running={isRunning || undefined}>
      <summary>
        <Icon name="chevron" />
        {title}
      </summary>
      <div className="reasoning_text">
        <Markdown text={text.trim()} />
      </div>
    </details>
  );
}

function Pace({ turn }: { turn: Turn }) {
  const { t, number } = useI18n();
  const parts: string[] = [];
  if (turn.meter && turn.meter.pieces > 0) {
    const reading = readingOf(turn.meter);
    const count = number(reading.tokens);
    parts.push(reading.isExact ? t("meter.tokens", { count }) : t("meter.about_tokens", { count }));
    if (reading.perSecond !== undefined) parts.push(t("meter.speed", { speed: number(reading.perSecond, 1) }));
    if (reading.firstSeconds !== undefined) parts.push(t("meter.first", { seconds: number(reading.firstSeconds, 2) }));
    if (reading.promptTokens !== undefined) parts.push(t("meter.prompt", { count: number(reading.promptTokens) }));
    if (reading.cachedTokens > 0) parts.push(t("meter.cached", { count: number(reading.cachedTokens) }));
  }
  if (turn.finish === "length") parts.push(t("finish.length"));
  if (turn.state === "stopped") parts.push(t("finish.stopped"));
  if (turn.state === "interrupted") parts.push(t("finish.interrupted"));
  return <span className="pace">{parts.join(" · ")}</span>;
}
