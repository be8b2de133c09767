// "As code": the chat's request in three languages. The key is a variable until one was made, or the server's own is asked
// for: that is in the page's memory for as long as the dialog is open, and nowhere else.
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { revealKey } from "../../api/client.ts";
import type { ChatRequest } from "../../api/wire.ts";
import { PageLink } from "../../app/page_link.tsx";
import { paths, useParameter } from "../../app/routes.ts";
import { Button } from "../../components/ui/button.tsx";
import { CopyButton } from "../../components/ui/copy_button.tsx";
import { Dialog } from "../../components/ui/dialog.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { useFreshKey } from "../keys/index.ts";
import { KEY_VARIABLE, type SampleLanguage, sampleLanguages, sampleOf } from "./samples.ts";
import "./code.css";

export function CodeDialog({ request, onClose }: { request: ChatRequest; onClose(): void }) {
  const { t } = useI18n();
  const id = useId();
  const [language, setLanguage] = useState<SampleLanguage>("curl");
  const chat = useParameter("chat");
  const fresh = useFreshKey();
  const [revealed, setRevealed] = useState<string>();
  const [isHidden, setIsHidden] = useState(false);
  const key = isHidden ? undefined : (revealed ?? fresh?.key);
  const [problem, setProblem] = useState<Problem>();
  const sample = sampleOf(language, { baseUrl: `${location.origin}/v1`, key, request });

  const reveal = async () => {
    try {
      setProblem(undefined);
      setRevealed(await revealKey());
      setIsHidden(false);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };

  return (
    <Dialog title={t("code.title")} closeLabel={t("code.close")} onClose={onClose}>
      <p className="code_detail">
        {key === undefined
          ? t("code.detail", { variable: KEY_VARIABLE })
          : key === fresh?.key
            ? t("code.detail_fresh", { name: fresh.name })
            : t("code.detail_revealed")}
      </p>
      <div className="code_bar">
        <LanguageTabs id={id} language={language} onChange={setLanguage} />
        <span className="code_keys">
          {key !== undefined ? (
            <Button
              onClick={() => {
                setRevealed(undefined);
                setIsHidden(true);
              }}
            >
              {t("code.hide")}
            </Button>
          ) : (
            <>
              {fresh ? (
                <Button onClick={() => setIsHidden(false)}>{t("code.use_fresh", { name: fresh.name })}</Button>
              ) : (
                <PageLink className="button button_plain" to={{ path: paths.keys, parameters: { chat } }}>
                  {t("code.make_key")}
                </PageLink>
              )}
              <Button onClick={reveal}>{t("code.reveal")}</Button>
            </>
          )}
        </span>
      </div>
      {problem && <Notice problem={problem} />}
      <div className="code_sample" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${language}`}>
        <pre tabIndex={0}>
          <code>{sample}</code>
        </pre>
        <CopyButton text={sample} label={t("code.copy")} />
      </div>
    </Dialog>
  );
}

interface TabsProps {
  id: string;
  language: SampleLanguage;
  onChange(language: SampleLanguage): void;
}

// One stop of the Tab key; arrows go from one to the next (the ARIA pattern of tabs).
function LanguageTabs({ id, language, onChange }: TabsProps) {
  const { t } = useI18n();
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const count = sampleLanguages.length;
    const next = (sampleLanguages.indexOf(language) + step + count) % count;
    onChange(sampleLanguages[next]!);
    (list.current!.children[next] as HTMLElement).focus();
  };
  return (
    <div ref={list} className="tabs" role="tablist" aria-label={t("code.languages")} onKeyDown={onKey}>
      {sampleLanguages.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`${id}-${name}`}
          className="tab"
          aria-selected={name === language}
          aria-controls={`${id}-panel`}
          tabIndex={name === language ? 0 : -1}
          onClick={() => onChange(name)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
