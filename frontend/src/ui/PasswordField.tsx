import { useState } from "preact/hooks";
import { passwordMinLength } from "../api/limits.gen";
import { t } from "../lib/text";
import { Input } from "./Field";

interface Props {
  label?: string;
  value: string;
  /** A password that is chosen now, not one that is known already. */
  fresh?: boolean;
  error?: string | undefined;
  onValue: (value: string) => void;
}

/** Cognito's objection to a new password. It takes none with a space at either end, without naming the field. */
export const passwordError = (password: string): string | undefined => {
  if (/^\s|\s$/.test(password)) return t.form.edgeSpaces;
  return password.length < passwordMinLength ? t.form.tooShort({ count: passwordMinLength }) : undefined;
};

export function PasswordField({ label, value, fresh = false, error, onValue }: Props) {
  const [shown, setShown] = useState(false);
  return (
    <div class="stack tight">
      <Input
        label={label ?? (fresh ? t.auth.newPassword : t.auth.password)}
        type={shown ? "text" : "password"}
        autocomplete={fresh ? "new-password" : "current-password"}
        hint={fresh ? t.auth.passwordHint({ count: passwordMinLength }) : undefined}
        value={value}
        error={error}
        onValue={onValue}
      />
      <label class="check small">
        <input type="checkbox" checked={shown} onChange={() => setShown(!shown)} /> {t.auth.show}
      </label>
    </div>
  );
}
