// A choice from a short list: the browser's own control, which every keyboard and reader knows, dressed for the page.
import { useId } from "react";
import { Icon, type IconName } from "./icon.tsx";

interface Props<Value extends string> {
  label: string;
  icon?: IconName;
  value: Value;
  options: readonly { value: Value; text: string }[];
  onChange(value: Value): void;
  isLabelSeen?: boolean;
}

export function Select<Value extends string>({ label, icon, value, options, onChange, isLabelSeen = false }: Props<Value>) {
  const id = useId();
  return (
    <span className={isLabelSeen ? "field" : "select_inline"}>
      <label htmlFor={id} className={isLabelSeen ? "field_label" : "only_heard"}>
        {label}
      </label>
      <span className="select">
        {icon && <Icon name={icon} />}
        <select id={id} value={value} onChange={(event) => onChange(event.target.value as Value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
        <Icon name="chevron" />
      </span>
    </span>
  );
}
