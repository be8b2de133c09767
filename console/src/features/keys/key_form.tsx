// A name, and a button that makes a key of it. The server judges the name; what it says stands beside the field.
import { type FormEvent, useId, useState } from "react";
import { ApiError, makeKey } from "../../api/client.ts";
import type { NewKey } from "../../api/wire.ts";
import { Button } from "../../components/ui/button.tsx";
import { Notice, type Problem, problemOf } from "../../components/ui/notice.tsx";
import { useI18n } from "../../i18n/i18n.tsx";

interface Props {
  isFull: boolean;
  max: number;
  onMade(made: NewKey): void;
}

export function KeyForm({ isFull, max, onMade }: Props) {
  const { t } = useI18n();
  const id = useId();
  const [name, setName] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const [fault, setFault] = useState<string>(); // of the name
  const [problem, setProblem] = useState<Problem>(); // of anything else

  const submit = async (event: FormEvent) => {
    event.preventDefault(); // the content security policy lets no form go anywhere
    if (isBusy) return;
    setFault(undefined);
    setProblem(undefined);
    if (name.trim() === "") return setFault(t("keys.name_missing"));
    setIsBusy(true);
    try {
      const made = await makeKey(name);
      setName("");
      onMade(made);
    } catch (error) {
      if (error instanceof ApiError && error.field === "name") setFault(error.message);
      else setProblem(problemOf(error));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <form className="key_form" onSubmit={submit}>
      <div className="key_form_row">
        <div className="field">
          <label className="field_label" htmlFor={id}>
            {t("keys.name")}
          </label>
          <input
            id={id}
            dir="auto"
            value={name}
            placeholder={t("keys.name_placeholder")}
            autoComplete="off"
            aria-invalid={fault !== undefined}
            aria-describedby={fault ? `${id}-fault` : undefined}
            onChange={(event) => {
              setName(event.target.value);
              setFault(undefined);
            }}
          />
        </div>
        <Button type="submit" kind="strong" icon="plus" disabled={isFull}>
          {t("keys.make")}
        </Button>
      </div>
      {fault && (
        <p id={`${id}-fault`} className="field_error" role="alert">
          {fault}
        </p>
      )}
      {isFull && <p className="key_form_full">{t("keys.full", { max })}</p>}
      {problem && <Notice problem={problem} />}
    </form>
  );
}
