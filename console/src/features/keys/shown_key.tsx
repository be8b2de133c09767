// A key that was just made: all of it, this once.
import { useEffect, useRef } from "react";
import type { NewKey } from "../../api/wire.ts";
import { Button } from "../../components/ui/button.tsx";
import { CopyButton } from "../../components/ui/copy_button.tsx";
import { useI18n } from "../../i18n/i18n.tsx";

export function ShownKey({ made, onPutAway }: { made: NewKey; onPutAway(): void }) {
  const { t } = useI18n();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current!.focus(), []);
  return (
    <section className="shown_key" aria-labelledby="shown_key_title" aria-describedby="shown_key_detail">
      <h2 id="shown_key_title" ref={heading} tabIndex={-1}>
        {t("keys.made", { name: made.name })}
      </h2>
      <p id="shown_key_detail">{t("keys.once")}</p>
      <p className="shown_key_text">
        <code>{made.key}</code>
        <CopyButton text={made.key} label={t("keys.copy")} />
      </p>
      <p className="shown_key_foot">
        <span>{t("keys.in_code")}</span>
        <Button onClick={onPutAway}>{t("keys.put_away")}</Button>
      </p>
    </section>
  );
}
