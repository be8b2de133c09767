export { CodeDialog } from "./code_dialog.tsx";
