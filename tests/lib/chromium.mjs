// Debian's Chromium, driven by playwright-core. Copied beside the tests that use it, where their node_modules are.
import { chromium } from "playwright-core";

export function launch(extra = []) {
  const isRoot = process.getuid?.() === 0; // Chromium's own sandbox does not start as root
  return chromium.launch({
    executablePath: process.env.STUDIO_CHROMIUM ?? "/usr/bin/chromium",
    args: [...(isRoot ? ["--no-sandbox"] : []), "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", ...extra],
  });
}
