// Buttons: with words, or an icon alone whose name is its label.
import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./icon.tsx";

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className" | "aria-label">;

export function Button({ icon, kind = "plain", children, ...rest }: Native & { icon?: IconName; kind?: "plain" | "strong" | "danger" }) {
  return (
    <button type="button" className={`button button_${kind}`} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export function IconButton({ icon, label, kind = "quiet", ...rest }: Native & { icon: IconName; label: string; kind?: "quiet" | "strong" }) {
  return (
    <button type="button" className={`icon_button icon_button_${kind}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}
