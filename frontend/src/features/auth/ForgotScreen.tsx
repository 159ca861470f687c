import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { forgotPassword, resetPassword } from "../../api/cognito";
import { sameSitePath, withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { CodeField, codeError } from "../../ui/CodeField";
import { EmailField, emailError } from "../../ui/EmailField";
import { announce } from "../../ui/feedback";
import { useErrors } from "../../ui/hooks";
import { PasswordField, passwordError } from "../../ui/PasswordField";
import { hasSignInOutcome, Refusal } from "../../ui/Refusal";
import { AuthForm } from "./AuthForm";
import { ConfirmStep } from "./ConfirmStep";
import { usePendingAuth } from "./pendingAuth";

export function ForgotScreen() {
  const { query, route } = useLocation();
  const next = sameSitePath(query.next);
  const { pendingAuth, keep } = usePendingAuth();
  const [values, setValues] = useState({ email: pendingAuth.email, code: "", password: "" });
  const { errors, setErrors, touched } = useErrors<typeof values>();
  const change = (patch: Partial<typeof values>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  const { code, password } = values;
  const email = values.email.trim();
  const [unconfirmed, setUnconfirmed] = useState(false);
  const send = useMutation({
    mutationFn: () => forgotPassword(email),
    onSuccess: () => keep({ email, awaits: "reset" }),
    onError: (error) => setUnconfirmed(hasSignInOutcome(error, "neverConfirmed")),
  });
  const reset = useMutation({
    mutationFn: () => resetPassword(email, code, password),
    onSuccess: () => {
      keep({ email });
      announce(t.auth.resetDone);
      route(withNext("/sign-in", next), true);
    },
  });
  // Cognito mails no reset code to an address that was never confirmed: that comes first, and needs no password.
  if (unconfirmed) {
    const resetNow = () => {
      setUnconfirmed(false);
      send.mutate();
    };
    return (
      <ConfirmStep
        email={email}
        password=""
        next={next}
        onOtherAddress={() => {
          setUnconfirmed(false);
          keep({ email });
        }}
        onConfirmed={resetNow}
      />
    );
  }
  if (pendingAuth.awaits !== "reset") {
    const submit = () => {
      const found = emailError(email);
      setErrors(found ? { email: found } : {});
      if (!found && !send.isPending) send.mutate();
    };
    return (
      <AuthForm title={t.auth.forgotTitle} onSubmit={submit}>
        <EmailField value={values.email} error={errors.email} onValue={(typed) => change({ email: typed })} />
        <Refusal error={send.error} />
        <Button type="submit" busy={send.isPending}>
          {t.auth.sendCode}
        </Button>
        <a href={withNext("/sign-in", next)}>{t.auth.toSignIn}</a>
      </AuthForm>
    );
  }
  const submit = () => {
    const found = { code: codeError(code), password: passwordError(password) };
    setErrors({ ...(found.code && { code: found.code }), ...(found.password && { password: found.password }) });
    if (!found.code && !found.password && !reset.isPending) reset.mutate();
  };
  return (
    <AuthForm title={t.auth.resetTitle} onSubmit={submit} key="reset">
      <CodeField
        email={email}
        resend={forgotPassword}
        onOtherAddress={() => keep({ email })}
        value={code}
        error={errors.code}
        onValue={(typed) => change({ code: typed })}
      />
      <PasswordField fresh value={password} error={errors.password} onValue={(typed) => change({ password: typed })} />
      <Refusal error={reset.error} />
      <Button type="submit" busy={reset.isPending}>
        {t.auth.reset}
      </Button>
      <div class="stack tight">
        <p class="small soft">{t.auth.noMail}</p>
        <div class="row">
          <Button variant="plain" onClick={() => setUnconfirmed(true)}>
            {t.auth.confirmAddress}
          </Button>
        </div>
      </div>
    </AuthForm>
  );
}
