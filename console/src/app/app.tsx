// The page: who is here, and which feature the address asks for.
import { type ComponentType, useEffect, useState } from "react";
import { ApiError, session, whenLoggedOut } from "../api/client.ts";
import { problemOf, type Problem } from "../components/ui/notice.tsx";
import { ChatPage } from "../features/chat/index.ts";
import { freshKey, KeysPage } from "../features/keys/index.ts";
import { LoginPage } from "../features/login/index.ts";
import { useI18n } from "../i18n/i18n.tsx";
import { CrashBoundary } from "./crash_boundary.tsx";
import { navigate, paths, usePath } from "./routes.ts";

// A one-time link in the address bar.
function hasLink(): boolean {
  return location.pathname === paths.login && location.hash.length > 1;
}

// arriving: with a link, which is exchanged first, so that no answer to an older question can overtake it.
type Visitor = "unknown" | "arriving" | "logged_in" | "logged_out";

export function App() {
  const [visitor, setVisitor] = useState<Visitor>(hasLink() ? "arriving" : "unknown");
  const [problem, setProblem] = useState<Problem>();

  const leave = () => {
    freshKey.forget(); // whoever logs in next may be somebody else
    setVisitor("logged_out");
  };
  const enter = () => {
    setProblem(undefined);
    setVisitor("logged_in");
    if (location.pathname === paths.login) navigate({ path: paths.chat, isReplacing: true });
  };
  const check = () => {
    session().then(enter, (error: unknown) => {
      leave();
      if (!(error instanceof ApiError && error.status === 401)) setProblem(problemOf(error));
    });
  };
  useEffect(() => {
    whenLoggedOut(leave);
    if (visitor === "unknown") check();
  }, []);

  return (
    <CrashBoundary>
      <Page visitor={visitor} problem={problem} onLogIn={enter} onRefused={check} onLogOut={leave} />
    </CrashBoundary>
  );
}

// The page of each path, for who is logged in.
const features: Readonly<Record<string, ComponentType<{ onLogOut(): void }>>> = { [paths.chat]: ChatPage, [paths.keys]: KeysPage };

interface PageProps {
  visitor: Visitor;
  problem: Problem | undefined;
  onLogIn(): void;
  onRefused(): void; // a link; an older session may still be good
  onLogOut(): void;
}

function Page({ visitor, problem, onLogIn, onRefused, onLogOut }: PageProps) {
  const { t } = useI18n();
  const Feature = features[usePath()] ?? ChatPage;
  if (visitor === "unknown") return <p className="only_heard" role="status">{t("app.loading")}</p>;
  if (visitor === "logged_in") return <Feature onLogOut={onLogOut} />;
  return <LoginPage problem={problem} onLogIn={onLogIn} onRefused={onRefused} />;
}
