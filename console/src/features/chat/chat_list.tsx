// The side of the page: the product, a new chat, the chats of this browser, and the page's own settings.
import { memo } from "react";
import { PageLink } from "../../app/page_link.tsx";
import { navigate, paths } from "../../app/routes.ts";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Brand, Icon } from "../../components/ui/icon.tsx";
import { Preferences } from "../../components/preferences.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { stop } from "./answer.ts";
import { chatsStore } from "./chats_store.ts";
import type { Chat } from "./types.ts";

interface Props {
  chats: readonly Chat[];
  currentId: string | undefined;
  onPick(): void;
  onClose(): void;
  onLogOut(): void;
}

export function ChatList({ chats, currentId, onPick, onClose, onLogOut }: Props) {
  const { t } = useI18n();
  const begin = () => {
    navigate({ path: paths.chat });
    onPick();
    document.getElementById("message")?.focus();
  };
  const remove = (chat: Chat) => {
    stop(chat.id);
    chatsStore.delete(chat.id);
    if (chat.id === currentId) navigate({ path: paths.chat, isReplacing: true });
    document.getElementById("message")?.focus(); // the button that had it is gone
  };
  return (
    <nav className="chat_list" aria-label={t("nav.chats")}>
      <div className="chat_list_head">
        <Brand />
        <span className="only_narrow">
          <IconButton icon="close" label={t("nav.close")} onClick={onClose} />
        </span>
      </div>
      <Button icon="plus" onClick={begin}>
        {t("nav.new_chat")}
      </Button>
      {chats.length === 0 ? (
        <p className="chat_list_empty">{t("nav.empty")}</p>
      ) : (
        <ul>
          {chats.map((chat) => (
            <ChatEntry key={chat.id} id={chat.id} title={chat.title || t("nav.untitled")} isCurrent={chat.id === currentId} onPick={onPick} onRemove={() => remove(chat)} />
          ))}
        </ul>
      )}
      <div className="chat_list_foot">
        <Preferences />
        <PageLink className="chat_list_more" to={{ path: paths.keys, parameters: { chat: currentId } }}>
          <Icon name="key" />
          {t("nav.keys")}
        </PageLink>
        <button type="button" className="chat_list_more" onClick={onLogOut}>
          <Icon name="leave" />
          {t("nav.log_out")}
        </button>
      </div>
    </nav>
  );
}

interface EntryProps {
  id: string;
  title: string;
  isCurrent: boolean;
  onPick(): void;
  onRemove(): void;
}

// While an answer grows its chat changes many times a second, its entry here does not.
const ChatEntry = memo(
  function ChatEntry({ id, title, isCurrent, onPick, onRemove }: EntryProps) {
    const { t } = useI18n();
    return (
      <li className="chat_entry">
        <button
          type="button"
          className="chat_entry_pick"
          aria-current={isCurrent ? "page" : undefined}
          dir="auto"
          onClick={() => {
            navigate({ path: paths.chat, parameters: { chat: id } });
            onPick();
          }}
        >
          {title}
        </button>
        <IconButton icon="trash" label={t("nav.delete_chat", { title })} onClick={onRemove} />
      </li>
    );
  },
  (before, after) => before.id === after.id && before.title === after.title && before.isCurrent === after.isCurrent,
);
