import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // no data: addresses; the content security policy allows none
    modulePreload: { polyfill: false },
  },
  // `npm run dev` beside a running `studio serve`; `studio console` prints a link whose code works here too.
  server: { host: "127.0.0.1", proxy: { "/console": process.env.STUDIO_URL ?? "http://127.0.0.1:8080" } },
});
