import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { forgotPassword, resetPassword } from "../../api/cognito";
import { ownPath, withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { announce } from "../../ui/feedback";
import { useErrors } from "../../ui/hooks";
import { AuthForm } from "./AuthForm";
import { CodeField, codeError, EmailField, emailError, PasswordField, passwordError } from "./fields";
import { usePendingAuth } from "./pendingAuth";
import { Refusal } from "./Refusal";

export function ForgotScreen() {
  const { query, route } = useLocation();
  const next = ownPath(query.next);
  const { pendingAuth, keep } = usePendingAuth();
  const [values, setValues] = useState({ email: pendingAuth.email, code: "", password: "" });
  const { errors, setErrors, touched } = useErrors<typeof values>();
  const change = (patch: Partial<typeof values>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  const { code, password } = values;
  const email = values.email.trim();
  const send = useMutation({
    mutationFn: () => forgotPassword(email),
    onSuccess: () => keep({ email, awaits: "reset" }),
  });
  const reset = useMutation({
    mutationFn: () => resetPassword(email, code, password),
    onSuccess: () => {
      keep({ email });
      announce(t.auth.resetDone);
      route(withNext("/sign-in", next), true);
    },
  });
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
        onOther={() => keep({ email })}
        value={code}
        error={errors.code}
        onValue={(typed) => change({ code: typed })}
      />
      <PasswordField fresh value={password} error={errors.password} onValue={(typed) => change({ password: typed })} />
      <Refusal error={reset.error} />
      <Button type="submit" busy={reset.isPending}>
        {t.auth.reset}
      </Button>
    </AuthForm>
  );
}
