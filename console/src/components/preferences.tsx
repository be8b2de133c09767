// Language and theme, wherever a page has a corner for them.
import { useI18n } from "../i18n/i18n.tsx";
import { type Language, languages } from "../i18n/messages.ts";
import { type Theme, themes, useTheme } from "../theme/theme.tsx";
import { Select } from "./ui/select.tsx";

const languageOptions = (Object.keys(languages) as Language[]).map((value) => ({ value, text: languages[value].name }));

export function Preferences() {
  const { t, language, setLanguage } = useI18n();
  const { theme, setTheme } = useTheme();
  return (
    <div className="preferences">
      <Select label={t("language.label")} icon="globe" value={language} options={languageOptions} onChange={setLanguage} />
      <Select
        label={t("theme.label")}
        icon="sun"
        value={theme}
        options={themes.map((value) => ({ value, text: t(`theme.${value satisfies Theme}`) }))}
        onChange={setTheme}
      />
    </div>
  );
}
