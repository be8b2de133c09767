// Copies a text and says for a moment that it did.
import { useEffect, useState } from "react";
import { useI18n } from "../../i18n/i18n.tsx";
import { copyText } from "../../lib/clipboard.ts";
import { IconButton } from "./button.tsx";

const SHOWN_MS = 1600;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const { t } = useI18n();
  const [outcome, setOutcome] = useState<"code.copied" | "code.not_copied">();
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <>
      <span className="only_heard" role="status">
        {outcome && t(outcome)}
      </span>
      <IconButton
        icon={outcome === "code.copied" ? "check" : "copy"}
        label={outcome ? t(outcome) : label}
        onClick={async () => setOutcome((await copyText(text)) ? "code.copied" : "code.not_copied")}
      />
    </>
  );
}
