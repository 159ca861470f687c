import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../lib/text";
import { type Constraint, lengthOf } from "../lib/validate";
import { Icon } from "./icons";

interface FieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  optional?: boolean;
  /** From the generated limits. */
  rule?: Constraint;
}

interface Described {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid": boolean;
}

function Field({
  label,
  value,
  hint,
  error,
  optional,
  rule,
  children,
}: Omit<FieldProps, "onValue"> & { children: (input: Described) => ComponentChildren }) {
  const id = useId();
  const limit = rule?.maxLength;
  // What a word or two fulfils need not be said.
  const least = rule?.minLength && rule.minLength >= 10 ? t.form.atLeast({ count: rule.minLength }) : undefined;
  const help = [hint, least].filter((sentence) => sentence !== undefined);
  const described = [error && `${id}-error`, help.length > 0 && `${id}-hint`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label} {optional && <span class="small soft">{t.common.optional}</span>}
      </label>
      {children({ id, "aria-invalid": !!error, ...(described && { "aria-describedby": described }) })}
      {error && (
        <p class="error" id={`${id}-error`}>
          <Icon name="alert" />
          {error}
        </p>
      )}
      <div class="below">
        {help.length > 0 && (
          <span class="hint" id={`${id}-hint`}>
            {help.map((sentence) => (
              <span key={sentence}>{sentence} </span>
            ))}
          </span>
        )}
        {limit !== undefined && limit >= 200 && (
          <span class="counter">{t.common.characters({ used: lengthOf(value.trim()), limit })}</span>
        )}
      </div>
    </div>
  );
}

type InputProps = FieldProps & {
  type?: "text" | "email" | "password" | "search" | "number" | "datetime-local";
  autocomplete?: string;
  inputMode?: "numeric";
  placeholder?: string;
  code?: boolean;
};

export function Input({ type = "text", autocomplete, inputMode, placeholder, code, ...field }: InputProps) {
  return (
    <Field {...field}>
      {(described) => (
        <input
          {...described}
          class={code ? "input code" : "input"}
          dir="auto"
          type={type}
          value={field.value}
          placeholder={placeholder}
          autocomplete={autocomplete ?? "off"}
          inputMode={inputMode}
          onInput={(event) => field.onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function TextArea(field: FieldProps) {
  return (
    <Field {...field}>
      {(described) => (
        <textarea
          {...described}
          class="input"
          dir="auto"
          value={field.value}
          onInput={(event) => field.onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onValue: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, onValue }: SelectProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onValue(event.currentTarget.value as T)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

interface ChoicesProps<T extends string> {
  legend: string;
  value: T | undefined;
  options: readonly (readonly [T, ComponentChildren])[];
  onValue: (value: T) => void;
  error?: string | undefined;
  quiet?: boolean;
}

/** Radio buttons as pills. */
export function Choices<T extends string>({ legend, value, options, onValue, error, quiet }: ChoicesProps<T>) {
  const name = useId();
  const row = useRef<HTMLDivElement>(null);
  // Where the choices do not fit beside each other, the chosen one is in sight.
  useEffect(() => {
    const chosen = row.current?.querySelector<HTMLElement>(".choice:has(:checked)");
    // The row itself scrolls, or a longer one that it is a part of.
    const scroller = row.current?.closest<HTMLElement>(".chips") ?? row.current;
    if (scroller && chosen) {
      const from = chosen.getBoundingClientRect();
      const within = scroller.getBoundingClientRect();
      scroller.scrollBy({ left: from.left + from.width / 2 - (within.left + within.width / 2) });
    }
  }, [value]);
  return (
    <fieldset class="field">
      <legend class={quiet ? "visually-hidden" : "legend"}>{legend}</legend>
      <div class="choices" ref={row}>
        {options.map(([option, content]) => (
          <label class="choice" key={option}>
            <input type="radio" name={name} checked={value === option} onChange={() => onValue(option)} />
            <span>{content}</span>
          </label>
        ))}
      </div>
      {error && (
        <p class="error">
          <Icon name="alert" />
          {error}
        </p>
      )}
    </fieldset>
  );
}

interface CheckProps {
  checked: boolean;
  onValue: (checked: boolean) => void;
  children: ComponentChildren;
}

/** A checkbox as a pill. */
export function Check({ checked, onValue, children }: CheckProps) {
  return (
    <label class="choice">
      <input type="checkbox" checked={checked} onChange={(event) => onValue(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}
