// The chat's settings: system prompt, thinking, and the sampling fields of settings.ts.
import { useId, useRef } from "react";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Select } from "../../components/ui/select.tsx";
import { useI18n } from "../../i18n/i18n.tsx";
import { useBorrowedFocus } from "../../lib/focus.ts";
import { faultOf, noSettings, type NumberField, numberFields, type Settings, thinkingChoices } from "./settings.ts";

interface Props {
  settings: Settings;
  onChange(settings: Settings): void;
  onClose(): void;
}

export function SettingsPanel({ settings, onChange, onClose }: Props) {
  const { t } = useI18n();
  const id = useId();
  const first = useRef<HTMLTextAreaElement>(null);
  useBorrowedFocus(() => first.current!.focus());
  return (
    <aside id="settings" className="settings" aria-label={t("settings.title")}>
      <header className="settings_head">
        <h2>{t("settings.title")}</h2>
        <IconButton icon="close" label={t("settings.close")} onClick={onClose} />
      </header>
      <div className="settings_body">
        <div className="field">
          <label className="field_label" htmlFor={`${id}-system`}>
            {t("settings.system")}
          </label>
          <textarea
            id={`${id}-system`}
            ref={first}
            dir="auto"
            value={settings.system}
            placeholder={t("settings.system_placeholder")}
            onChange={(event) => onChange({ ...settings, system: event.target.value })}
          />
        </div>
        <Select
          label={t("settings.thinking")}
          isLabelSeen
          value={settings.thinking}
          options={thinkingChoices.map((value) => ({ value, text: t(`settings.thinking_${value}`) }))}
          onChange={(thinking) => onChange({ ...settings, thinking })}
        />
        <h3 className="settings_group">{t("settings.sampling")}</h3>
        <div className="settings_numbers">
          {numberFields.map((field) => (
            <NumberInput
              key={field.name}
              field={field}
              typed={settings.numbers[field.name] ?? ""}
              onChange={(typed) => onChange({ ...settings, numbers: { ...settings.numbers, [field.name]: typed } })}
            />
          ))}
        </div>
        <div className="field">
          <label className="field_label" htmlFor={`${id}-stop`}>
            {t("settings.stop")}
          </label>
          <textarea
            id={`${id}-stop`}
            dir="auto"
            value={settings.stop}
            placeholder={t("settings.none")}
            onChange={(event) => onChange({ ...settings, stop: event.target.value })}
          />
        </div>
        <Button icon="again" onClick={() => onChange(noSettings)}>
          {t("settings.reset")}
        </Button>
      </div>
    </aside>
  );
}

interface NumberInputProps {
  field: NumberField;
  typed: string;
  onChange(typed: string): void;
}

function NumberInput({ field, typed, onChange }: NumberInputProps) {
  const { t } = useI18n();
  const id = useId();
  const name = t(`settings.${field.name}`);
  const fault = faultOf(field, typed);
  const { fallback } = field;
  return (
    <div className="field">
      <label className="field_label" htmlFor={id}>
        {name}
      </label>
      <input
        id={id}
        inputMode="decimal"
        autoComplete="off"
        value={typed}
        placeholder={fallback === "none" || fallback === "random" ? t(`settings.${fallback}`) : t("settings.default", { value: fallback })}
        aria-invalid={fault !== undefined}
        aria-describedby={fault ? `${id}-fault` : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {fault && (
        <span id={`${id}-fault`} className="field_error" role="alert">
          {t(`settings.${fault}`, { name, min: field.min, max: field.max })}
        </span>
      )}
    </div>
  );
}
