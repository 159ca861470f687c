import { useMutation } from "@tanstack/preact-query";
import { useEffect } from "preact/hooks";
import { t } from "../lib/text";
import { Button } from "./Button";
import { Input } from "./Field";
import { announce } from "./feedback";
import { useCountdown } from "./hooks";
import { Refusal } from "./Refusal";

export const CODE_LENGTH = 6;
/** Seconds before a code can be asked for again. */
const RESEND_AFTER = 30;

export const codeError = (code: string): string | undefined =>
  code.length < CODE_LENGTH ? t.form.code({ digits: CODE_LENGTH }) : undefined;

interface CodeProps {
  email: string;
  /** True if a code is on its way to the address: nothing is said to be sent that was not. */
  sent?: boolean;
  resend: (email: string) => Promise<unknown>;
  /** Back to where the e-mail was given. */
  onOtherAddress: () => void;
  value: string;
  error?: string | undefined;
  onValue: (code: string) => void;
}

/** Six digits, pasted or typed, and a way to have them sent again. */
export function CodeField({ email, sent = true, resend, onOtherAddress, value, error, onValue }: CodeProps) {
  const { seconds, start } = useCountdown();
  useEffect(() => start(sent ? RESEND_AFTER : 0), []);
  const again = useMutation({
    mutationFn: () => resend(email),
    onSuccess: () => {
      start(RESEND_AFTER);
      announce(t.auth.resent);
    },
  });
  return (
    <>
      <p>{sent || again.isSuccess ? t.auth.codeSent({ email }) : t.auth.codeNotSent({ email })}</p>
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
        <Button variant="plain" onClick={onOtherAddress}>
          {t.auth.otherEmail}
        </Button>
      </div>
    </>
  );
}
