import { useMutation } from "@tanstack/preact-query";
import { useLocation } from "preact-iso";
import { signUp } from "../../api/cognito";
import { ownPath, withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { AuthForm } from "./AuthForm";
import { ConfirmStep } from "./ConfirmStep";
import { EmailField, emailError, PasswordField, passwordError } from "./fields";
import { isCode, Refusal } from "./Refusal";
import { useCredentials } from "./useCredentials";

export function SignUpScreen() {
  const { query } = useLocation();
  const next = ownPath(query.next);
  const { pendingAuth, keep, values, change, errors, setErrors } = useCredentials();
  const join = useMutation({
    mutationFn: () => signUp(values.email.trim(), values.password),
    onSuccess: () => keep({ email: values.email.trim(), awaits: "confirm" }),
    // The sign-in, which is the way on then, has the e-mail filled in.
    onError: () => keep({ email: values.email.trim() }),
  });
  if (pendingAuth.awaits === "confirm") {
    const { email } = pendingAuth;
    return <ConfirmStep email={email} password={values.password} next={next} onOther={() => keep({ email })} />;
  }
  const submit = () => {
    const email = emailError(values.email.trim());
    const password = passwordError(values.password);
    setErrors({ ...(email && { email }), ...(password && { password }) });
    if (!email && !password && !join.isPending) join.mutate();
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
        {isCode(join.error, "UsernameExistsException") && (
          <a href={withNext("/sign-in", next)}>{t.auth.signInInstead}</a>
        )}
      </Refusal>
      <Button type="submit" busy={join.isPending}>
        {t.auth.signUp}
      </Button>
      <a href={withNext("/sign-in", next)}>{t.auth.toSignIn}</a>
    </AuthForm>
  );
}
