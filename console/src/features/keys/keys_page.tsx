// The keys of the API: made with a name, shown once, listed by their ends, revoked when they are not wanted any more.
import { useEffect, useRef, useState } from "react";
import { ApiError, keys as fetchKeys } from "../../api/client.ts";
import type { KeyInfo, KeyList, NewKey } from "../../api/wire.ts";
import { PageLink } from "../../app/page_link.tsx";
import { paths, useParameter } from "../../app/routes.ts";
import { Brand, Icon } from "../../components/ui/icon.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { Preferences } from "../../components/preferences.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { freshKey } from "./fresh_key.ts";
import { KeyForm } from "./key_form.tsx";
import { KeyTable } from "./key_table.tsx";
import { RevokeDialog } from "./revoke_dialog.tsx";
import { ShownKey } from "./shown_key.tsx";
import "./keys.css";

export function KeysPage() {
  const { t } = useI18n();
  const chat = useParameter("chat");
  const [list, setList] = useState<KeyList>();
  const [problem, setProblem] = useState<Problem>();
  const [shown, setShown] = useState<NewKey>(); // until it is put away or the page is left
  const [leaving, setLeaving] = useState<KeyInfo>(); // to be revoked, once that is confirmed
  const [told, setTold] = useState("");
  const title = useRef<HTMLHeadingElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);

  const load = () => {
    fetchKeys().then(
      (found) => {
        setProblem(undefined);
        setList(found);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  useEffect(() => {
    load();
    title.current?.focus(); // whoever came by a link's click is at the top of this page
  }, []);
  useEffect(() => {
    document.title = `${t("keys.title")} · Model Studio`;
  }, [t]);

  const onMade = (made: NewKey) => {
    freshKey.set(made);
    setShown(made);
    setTold("");
    load();
  };
  const onRevoked = (key: KeyInfo) => {
    freshKey.forget(key.id);
    setLeaving(undefined);
    if (shown?.id === key.id) setShown(undefined);
    setTold(t("keys.revoked", { name: key.name }));
    load();
  };
  useEffect(() => {
    if (told) heading.current?.focus(); // after the dialog gave it back to a row that goes
  }, [told]);
  const onPutAway = () => {
    setShown(undefined);
    heading.current?.focus();
  };

  return (
    <div className="keys_page">
      <header className="keys_bar">
        <Brand />
        <PageLink className="button button_plain" to={{ path: paths.chat, parameters: { chat } }}>
          <Icon name="back" />
          {t("keys.back")}
        </PageLink>
        <Preferences />
      </header>
      <main className="keys_main">
        <h1 ref={title} tabIndex={-1}>
          {t("keys.title")}
        </h1>
        <p className="keys_detail">{t("keys.detail")}</p>
        <KeyForm isFull={list !== undefined && list.keys.filter(({ kind }) => kind === "made").length >= list.max} max={list?.max ?? 0} onMade={onMade} />
        {shown && <ShownKey key={shown.id} made={shown} onPutAway={onPutAway} />}
        <h2 ref={heading} tabIndex={-1} className="keys_heading">
          {t("keys.list")}
        </h2>
        <p className="only_heard" role="status">
          {told}
        </p>
        {problem && <Notice problem={problem} />}
        {list && <KeyTable keys={list.keys} onRevoke={setLeaving} />}
      </main>
      {leaving && (
        <RevokeDialog
          target={leaving}
          onRevoked={() => onRevoked(leaving)}
          onGone={(error) => {
            if (error instanceof ApiError && error.status === 404) onRevoked(leaving); // elsewhere, a moment ago
          }}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </div>
  );
}
