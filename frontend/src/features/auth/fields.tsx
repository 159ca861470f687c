import { useMutation } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { passwordMinLength } from "../../api/limits.gen";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Input } from "../../ui/Field";
import { announce } from "../../ui/feedback";
import { useCountdown } from "../../ui/hooks";
import { Refusal } from "./Refusal";

export const CODE_LENGTH = 6;
/** Seconds before a code can be asked for again. */
const RESEND_AFTER = 30;

export const emailError = (email: string): string | undefined =>
  /^\S+@\S+\.\S+$/.test(email) ? undefined : t.form.email;
export const passwordError = (password: string): string | undefined =>
  password.length < passwordMinLength ? t.form.tooShort({ count: passwordMinLength }) : undefined;

export const codeError = (code: string): string | undefined =>
  code.length < CODE_LENGTH ? t.form.code({ digits: CODE_LENGTH }) : undefined;

export function EmailField({
  value,
  error,
  onValue,
}: {
  value: string;
  error?: string | undefined;
  onValue: (value: string) => void;
}) {
  return (
    <Input label={t.auth.email} type="email" autocomplete="username" value={value} error={error} onValue={onValue} />
  );
}

interface PasswordProps {
  value: string;
  fresh?: boolean;
  error?: string | undefined;
  onValue: (value: string) => void;
}

export function PasswordField({ value, fresh = false, error, onValue }: PasswordProps) {
  const [shown, setShown] = useState(false);
  return (
    <div class="stack tight">
      <Input
        label={fresh ? t.auth.newPassword : t.auth.password}
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

interface CodeProps {
  email: string;
  resend: (email: string) => Promise<unknown>;
  /** Back to where the e-mail was given. */
  onOther: () => void;
  value: string;
  error?: string | undefined;
  onValue: (code: string) => void;
}

/** Six digits, pasted or typed, and a way to have them sent again. */
export function CodeField({ email, resend, onOther, value, error, onValue }: CodeProps) {
  const { seconds, start } = useCountdown();
  useEffect(() => start(RESEND_AFTER), []);
  const again = useMutation({
    mutationFn: () => resend(email),
    onSuccess: () => {
      start(RESEND_AFTER);
      announce(t.auth.resent);
    },
  });
  return (
    <>
      <p>{t.auth.codeSent({ email })}</p>
      <Input
        code
        label={t.auth.code}
        inputMode="numeric"
        autocomplete="one-time-code"
        value={value}
        error={error}
        onValue={(typed) => onValue(typed.replace(/\D/g, "").slice(0, CODE_LENGTH))}
      />
      <Refusal error={again.error} />
      <div class="row">
        <Button
          variant="plain"
          busy={again.isPending}
          disabledReason={seconds > 0 ? t.auth.resendIn({ count: seconds }) : undefined}
          onClick={() => again.mutate()}
        >
          {t.auth.resend}
        </Button>
        <Button variant="plain" onClick={onOther}>
          {t.auth.otherEmail}
        </Button>
      </div>
    </>
  );
}
