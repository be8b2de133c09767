// Asks before a key is revoked: there is no way back.
import { useState } from "react";
import { revokeKey } from "../../api/client.ts";
import type { KeyInfo } from "../../api/wire.ts";
import { Button } from "../../components/ui/button.tsx";
import { Dialog } from "../../components/ui/dialog.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { useI18n } from "../../i18n/i18n.tsx";

interface Props {
  target: KeyInfo;
  onRevoked(): void;
  onGone(error: unknown): void;
  onClose(): void;
}

export function RevokeDialog({ target, onRevoked, onGone, onClose }: Props) {
  const { t } = useI18n();
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const revoke = async () => {
    setIsBusy(true);
    setProblem(undefined);
    try {
      await revokeKey(target.id);
      onRevoked();
    } catch (error) {
      setIsBusy(false);
      setProblem(problemOf(error));
      onGone(error);
    }
  };
  return (
    <Dialog title={t("keys.revoke_title", { name: target.name })} closeLabel={t("code.close")} onClose={onClose}>
      <p className="revoke_detail">{t("keys.revoke_detail", { hint: `${target.prefix}…${target.suffix}` })}</p>
      {problem && <Notice problem={problem} />}
      <div className="revoke_actions">
        <Button onClick={onClose}>{t("keys.keep")}</Button>
        <Button kind="danger" disabled={isBusy} onClick={revoke}>
          {t("keys.revoke_now")}
        </Button>
      </div>
    </Dialog>
  );
}
