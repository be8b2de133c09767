import type { KeyInfo } from "../../api/wire.ts";
import { Button } from "../../components/ui/button.tsx";
import { useI18n } from "../../i18n/i18n.tsx";

export function KeyTable({ keys, onRevoke }: { keys: readonly KeyInfo[]; onRevoke(key: KeyInfo): void }) {
  const { t, date } = useI18n();
  return (
    <table className="key_table">
      <thead>
        <tr>
          <th scope="col">{t("keys.name")}</th>
          <th scope="col">{t("keys.key")}</th>
          <th scope="col">{t("keys.created")}</th>
          <th scope="col">
            <span className="only_heard">{t("keys.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">
              <bdi>{key.kind === "made" ? key.name : t("keys.own")}</bdi>
              {key.kind !== "made" && <span className="key_note">{t(key.kind === "local" ? "keys.own_local" : "keys.own_chosen")}</span>}
            </th>
            <td>
              <code>{`${key.prefix}…${key.suffix}`}</code>
            </td>
            <td>{date(key.created_at)}</td>
            <td>
              {key.kind === "made" && (
                <Button onClick={() => onRevoke(key)} aria-haspopup="dialog">
                  {t("keys.revoke")}
                  <span className="only_heard"> {key.name}</span>
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
