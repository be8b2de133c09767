import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { I18nProvider } from "./i18n/i18n.tsx";
import { ThemeProvider } from "./theme/theme.tsx";
import "./theme/tokens.css";
import "./theme/base.css";
import "./components/ui/ui.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ThemeProvider>
      <I18nProvider>
        <App />
      </I18nProvider>
    </ThemeProvider>
  </StrictMode>,
);
