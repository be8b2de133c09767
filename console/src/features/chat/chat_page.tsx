// The chat page: list of chats, conversation, composer, and a panel of settings. A chat comes to be with its first message;
// until then its model and settings are a draft.
import { useCallback, useEffect, useState } from "react";
import { logOut, models as fetchModels } from "../../api/client.ts";
import { navigate, paths, useParameter } from "../../app/routes.ts";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { Select } from "../../components/ui/select.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { CodeDialog } from "../code/index.ts";
import { answerAgain, ask, newChat, requestOf, stop } from "./answer.ts";
import { ChatList } from "./chat_list.tsx";
import { chatsStore } from "./chats_store.ts";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.tsx";
import { hasFault, noSettings, type Settings } from "./settings.ts";
import { SettingsPanel } from "./settings_panel.tsx";
import type { Turn } from "./types.ts";
import { useChats, useIsStoreFull } from "./use_chats.ts";
import "./chat.css";

export function ChatPage({ onLogOut }: { onLogOut(): void }) {
  const { t } = useI18n();
  const chats = useChats();
  const isStoreFull = useIsStoreFull();
  const chatId = useParameter("chat");
  const chat = chats.find((one) => one.id === chatId);
  const { models, problem } = useModels();
  const [draft, setDraft] = useState({ model: "", settings: noSettings });
  const [side, setSide] = useState<"settings" | "chats">();
  const [isCodeOpen, setIsCodeOpen] = useState(false);

  const wanted = chat?.model || draft.model;
  const model = models.includes(wanted) ? wanted : (models[0] ?? wanted);
  const settings = chat?.settings ?? draft.settings;
  const isRunning = chat?.turns.at(-1)?.state === "running";

  const change = (changed: { model?: string; settings?: Settings }) => {
    if (chat) chatsStore.update(chat.id, (before) => ({ ...before, ...changed }));
    setDraft((before) => ({ model: changed.model ?? before.model, settings: chat ? before.settings : (changed.settings ?? before.settings) }));
  };
  const send = (text: string): boolean => {
    if (hasFault(settings)) {
      setSide("settings"); // the fault stands beside its field
      return false;
    }
    let id = chat?.id;
    if (!id) {
      const created = newChat(model, settings);
      id = created.id;
      chatsStore.add(created);
      setDraft({ model, settings: noSettings });
      navigate({ path: paths.chat, parameters: { chat: id } });
    } else if (chat?.model !== model) {
      chatsStore.update(id, (before) => ({ ...before, model })); // its own is served no longer
    }
    ask(id, text);
    return true;
  };
  const stopAnswer = useCallback(() => chatId && stop(chatId), [chatId]);
  const again = useCallback(() => chatId && answerAgain(chatId), [chatId]);
  const leave = async () => {
    await logOut().catch(() => {});
    onLogOut();
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || isCodeOpen) return;
      if (isRunning) stopAnswer();
      else setSide(undefined);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [isRunning, isCodeOpen, stopAnswer]);
  useEffect(() => {
    document.title = chat?.title ? `${chat.title} · Model Studio` : "Model Studio";
  }, [chat?.title]);

  return (
    <div className="chat_page" data-side={side}>
      <a className="skip" href="#message">
        {t("app.skip")}
      </a>
      <ChatList chats={chats} currentId={chat?.id} onPick={() => setSide(undefined)} onClose={() => setSide(undefined)} onLogOut={leave} />
      <main className="chat_main">
        <header className="chat_bar">
          <span className="only_narrow">
            <IconButton icon="menu" label={t("nav.open")} aria-expanded={side === "chats"} onClick={() => setSide("chats")} />
          </span>
          <h1 className="only_heard">{t("chat.title", { model: model || t("model.none") })}</h1>
          <Select
            label={t("model.label")}
            value={model}
            options={models.length > 0 ? models.map((value) => ({ value, text: value })) : [{ value: model, text: t("model.none") }]}
            onChange={(value) => change({ model: value })}
          />
          <span className="chat_bar_end">
            <Button icon="code" onClick={() => setIsCodeOpen(true)} aria-haspopup="dialog">
              {t("code.open")}
            </Button>
            <Button icon="sliders" aria-expanded={side === "settings"} aria-controls="settings" onClick={() => setSide(side === "settings" ? undefined : "settings")}>
              {t("settings.open")}
            </Button>
          </span>
        </header>
        <Conversation key={chat?.id ?? "draft"} chat={chat} model={model} onAgain={again} onSuggestion={send} />
        <div className="chat_foot">
          {problem && <Notice problem={problem} />}
          {isStoreFull && <Notice problem={{ status: 0, message: t("error.storage") }} />}
          <Composer key={chat?.id ?? "draft"} isRunning={isRunning} canSend={model !== ""} onSend={send} onStop={stopAnswer} />
        </div>
      </main>
      {side === "settings" && <SettingsPanel settings={settings} onChange={(value) => change({ settings: value })} onClose={() => setSide(undefined)} />}
      {isCodeOpen && (
        <CodeDialog request={requestOf(model, settings, sampleTurns(chat?.turns ?? [], t("code.placeholder_message")))} onClose={() => setIsCodeOpen(false)} />
      )}
    </div>
  );
}

// The request that got the last answer, or one to begin with.
function sampleTurns(turns: readonly Turn[], placeholder: string): readonly Turn[] {
  const last = turns.findLastIndex((turn) => turn.role === "user");
  return last >= 0 ? turns.slice(0, last + 1) : [{ id: "", role: "user", content: placeholder, state: "done" }];
}

function useModels(): { models: readonly string[]; problem: Problem | undefined } {
  const [models, setModels] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    fetchModels().then(setModels, (error: unknown) => setProblem(problemOf(error)));
  }, []);
  return { models, problem };
}
