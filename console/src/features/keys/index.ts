export { freshKey } from "./fresh_key.ts";
export { KeysPage } from "./keys_page.tsx";
export { useFreshKey } from "./use_fresh_key.ts";
