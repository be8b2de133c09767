export { LoginPage } from "./login_page.tsx";
