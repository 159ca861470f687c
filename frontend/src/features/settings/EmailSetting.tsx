import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { changeEmail, confirmEmail } from "../../api/cognito";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { CodeField, codeError } from "../../ui/CodeField";
import { EmailField, emailError } from "../../ui/EmailField";
import { announce } from "../../ui/feedback";
import { useErrors, useFocus } from "../../ui/hooks";
import { Refusal } from "../../ui/Refusal";

/** The way to another e-mail address: the new one, then the code that was sent to it. */
export function EmailSetting({ onClose }: { onClose: () => void }) {
  const [values, setValues] = useState({ email: "", code: "" });
  const { errors, setErrors, touched } = useErrors<typeof values>();
  const heading = useFocus<HTMLHeadingElement>();
  const email = values.email.trim();
  const change = (patch: Partial<typeof values>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  const send = useMutation({ mutationFn: () => changeEmail(email) });
  const confirm = useMutation({
    mutationFn: () => confirmEmail(values.code),
    onSuccess: () => {
      announce(t.settings.emailChanged);
      onClose();
    },
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found = send.isSuccess ? codeError(values.code) : emailError(email);
    setErrors(found ? { [send.isSuccess ? "code" : "email"]: found } : {});
    if (found || send.isPending || confirm.isPending) return;
    if (send.isSuccess) confirm.mutate();
    else send.mutate();
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <h3 ref={heading} tabIndex={-1}>
        {t.settings.changeEmail}
      </h3>
      {send.isSuccess ? (
        <CodeField
          email={email}
          resend={changeEmail}
          onOtherAddress={() => send.reset()}
          value={values.code}
          error={errors.code}
          onValue={(code) => change({ code })}
        />
      ) : (
        <>
          <p class="soft">{t.settings.emailAsk}</p>
          <EmailField
            label={t.settings.newEmail}
            value={values.email}
            error={errors.email}
            onValue={(typed) => change({ email: typed })}
          />
        </>
      )}
      <Refusal error={confirm.error ?? send.error} />
      <div class="row">
        <Button type="submit" busy={send.isPending || confirm.isPending}>
          {send.isSuccess ? t.auth.confirm : t.auth.sendCode}
        </Button>
        <Button variant="plain" onClick={onClose}>
          {t.common.cancel}
        </Button>
      </div>
    </form>
  );
}
