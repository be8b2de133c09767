export { ChatPage } from "./chat_page.tsx";
