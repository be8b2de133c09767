// The chosen language and its texts: const { t } = useI18n(); t("meter.tokens", { count: 3 }).
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { load, save } from "../lib/storage.ts";
import { format, isLanguage, type Language, languages, type MessageKey } from "./messages.ts";

const STORED = "studio.language";

interface I18n {
  language: Language;
  setLanguage(language: Language): void;
  t(key: MessageKey, values?: Record<string, string | number>): string;
  number(value: number, digits?: number): string;
  date(unixSeconds: number): string;
}

const Context = createContext<I18n | undefined>(undefined);

function firstLanguage(): Language {
  const stored = load(STORED);
  if (isLanguage(stored)) return stored;
  for (const wanted of navigator.languages) {
    const language = wanted.split("-")[0];
    if (isLanguage(language)) return language;
  }
  return "en";
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = languages[language].tag;
    save(STORED, language);
  }, [language]);
  const value = useMemo<I18n>(() => {
    const { table, tag } = languages[language];
    return {
      language,
      setLanguage,
      t: (key, values = {}) => format(table[key], values),
      number: (number, digits = 0) =>
        new Intl.NumberFormat(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(number),
      date: (unixSeconds) => new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }).format(unixSeconds * 1000),
    };
  }, [language]);
  return <Context value={value}>{children}</Context>;
}

export function useI18n(): I18n {
  const i18n = useContext(Context);
  if (!i18n) throw new Error("useI18n outside of I18nProvider");
  return i18n;
}
