import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { signUp } from "../../api/cognito";
import { sameSitePath, withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { EmailField, emailError } from "../../ui/EmailField";
import { PasswordField, passwordError } from "../../ui/PasswordField";
import { hasSignInOutcome, Refusal } from "../../ui/Refusal";
import { AuthForm } from "./AuthForm";
import { ConfirmStep } from "./ConfirmStep";
import { useCredentials } from "./useCredentials";

export function SignUpScreen() {
  const { query } = useLocation();
  const next = sameSitePath(query.next);
  const [unconfirmed, setUnconfirmed] = useState(false);
  const { pendingAuth, keep, values, change, errors, setErrors } = useCredentials();
  const email = values.email.trim();
  const join = useMutation({
    mutationFn: () => signUp(email, values.password),
    onSuccess: () => keep({ email, awaits: "confirm" }),
    // The sign-in, which is the way on then, has the e-mail filled in.
    onError: () => keep({ email }),
  });
  if (unconfirmed)
    return <ConfirmStep email={email} password="" next={next} onOtherAddress={() => setUnconfirmed(false)} />;
  if (pendingAuth.awaits === "confirm") {
    const { email: sentTo } = pendingAuth;
    const { password } = values;
    return (
      <ConfirmStep sent email={sentTo} password={password} next={next} onOtherAddress={() => keep({ email: sentTo })} />
    );
  }
  const submit = () => {
    const found = { email: emailError(email), password: passwordError(values.password) };
    setErrors({ ...(found.email && { email: found.email }), ...(found.password && { password: found.password }) });
    if (!found.email && !found.password && !join.isPending) join.mutate();
  };
  return (
    <AuthForm title={t.auth.signUpTitle} onSubmit={submit}>
      <EmailField value={values.email} error={errors.email} onValue={(email) => change({ email })} />
      <PasswordField
        fresh
        value={values.password}
        error={errors.password}
        onValue={(password) => change({ password })}
      />
      <Refusal error={join.error}>
        {hasSignInOutcome(join.error, "UsernameExistsException") && (
          <span class="row">
            <a href={withNext("/sign-in", next)}>{t.auth.signInInstead}</a>
            <a href={withNext("/forgot", next)}>{t.auth.forgot}</a>
            <Button variant="plain" onClick={() => setUnconfirmed(true)}>
              {t.auth.neverGotCode}
            </Button>
          </span>
        )}
      </Refusal>
      <Button type="submit" busy={join.isPending}>
        {t.auth.signUp}
      </Button>
      <a href={withNext("/sign-in", next)}>{t.auth.toSignIn}</a>
    </AuthForm>
  );
}
