// Before there is a session: exchanges the link in the address bar, or says how to get one.
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { logIn, ApiError } from "../../api/client.ts";
import { Button } from "../../components/ui/button.tsx";
import { CopyButton } from "../../components/ui/copy_button.tsx";
import { Brand } from "../../components/ui/icon.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { Preferences } from "../../components/preferences.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { codeOf, takeCodeFromAddress } from "./link.ts";
import "./login.css";

type State = "working" | "needed" | "refused";
const COMMAND = "studio console";

interface Props {
  problem: Problem | undefined;
  onLogIn(): void;
  onRefused(): void;
}

export function LoginPage({ problem: first, onLogIn, onRefused }: Props) {
  const { t } = useI18n();
  const [state, setState] = useState<State>(location.hash.length > 1 ? "working" : "needed");
  const [problem, setProblem] = useState(first);
  const isTaken = useRef(false); // a link works once: it must not be sent twice

  const exchange = (code: string) => {
    setState("working");
    setProblem(undefined);
    logIn(code).then(onLogIn, (error: unknown) => {
      const isRefused = error instanceof ApiError && error.status === 401;
      setState(isRefused ? "refused" : "needed");
      if (isRefused) onRefused();
      else setProblem(problemOf(error));
    });
  };
  const take = () => {
    const isThere = location.hash.length > 1;
    const code = takeCodeFromAddress();
    if (code) exchange(code);
    else if (isThere) {
      setState("refused");
      onRefused();
    }
  };
  useEffect(() => {
    if (!isTaken.current) take();
    isTaken.current = true;
    addEventListener("hashchange", take); // a link pasted over this very page
    return () => removeEventListener("hashchange", take);
  });

  return (
    <main className="login">
      <div className="login_card">
        <Brand as="h1" />
        {state === "working" ? (
          <p role="status">{t("login.working")} …</p>
        ) : (
          <>
            {problem ? <Notice problem={problem} /> : <p role="status">{t(state === "refused" ? "login.refused" : "login.needed")}</p>}
            <p className="login_command">
              <code>{COMMAND}</code>
              <CopyButton text={COMMAND} label={t("code.copy")} />
            </p>
            <CodeForm onCode={exchange} />
          </>
        )}
      </div>
      <Preferences />
    </main>
  );
}

function CodeForm({ onCode }: { onCode(code: string): void }) {
  const { t } = useI18n();
  const id = useId();
  const [text, setText] = useState("");
  const [isWrong, setIsWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault(); // the content security policy lets no form go anywhere
    const code = codeOf(text);
    setIsWrong(!code);
    if (code) onCode(code);
  };
  return (
    <form onSubmit={submit}>
      <p>{t("login.then")}</p>
      <div className="login_row">
        <label className="only_heard" htmlFor={id}>
          {t("login.code")}
        </label>
        <div className="field">
          <input
            id={id}
            value={text}
            placeholder={t("login.code")}
            autoComplete="off"
            spellCheck={false}
            aria-invalid={isWrong}
            aria-describedby={isWrong ? `${id}-error` : undefined}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <Button type="submit" kind="strong">
          {t("login.submit")}
        </Button>
      </div>
      {isWrong && (
        <p id={`${id}-error`} className="field_error" role="alert">
          {t("login.no_code")}
        </p>
      )}
    </form>
  );
}
