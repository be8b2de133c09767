// A fault of our own in drawing must not leave an empty page.
import { Component, type ReactNode } from "react";
import { Button } from "../components/ui/button.tsx";
import { useI18n } from "../i18n/i18n.tsx";

export class CrashBoundary extends Component<{ children: ReactNode }, { hasCrashed: boolean }> {
  override state = { hasCrashed: false };

  static getDerivedStateFromError() {
    return { hasCrashed: true };
  }

  override render() {
    return this.state.hasCrashed ? <Crashed /> : this.props.children;
  }
}

function Crashed() {
  const { t } = useI18n();
  return (
    <main className="login" role="alert">
      <p>{t("error.crash")}</p>
      <Button kind="strong" onClick={() => location.reload()}>
        {t("error.reload")}
      </Button>
    </main>
  );
}
