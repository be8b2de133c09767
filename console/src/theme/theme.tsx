// Light, dark, or as the system has it. The choice stands on <html data-theme>, where tokens.css reads it.
import { createContext, type ReactNode, useContext, useLayoutEffect, useMemo, useState } from "react";
import { load, save } from "../lib/storage.ts";

const STORED = "studio.theme";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

interface ThemeChoice {
  theme: Theme;
  setTheme(theme: Theme): void;
}

const Context = createContext<ThemeChoice | undefined>(undefined);

function firstTheme(): Theme {
  const stored = load(STORED);
  return themes.find((theme) => theme === stored) ?? "system";
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState(firstTheme);
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
    save(STORED, theme);
  }, [theme]);
  const value = useMemo(() => ({ theme, setTheme }), [theme]);
  return <Context value={value}>{children}</Context>;
}

export function useTheme(): ThemeChoice {
  const choice = useContext(Context);
  if (!choice) throw new Error("useTheme outside of ThemeProvider");
  return choice;
}
