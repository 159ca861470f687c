import { useMutation } from "@tanstack/preact-query";
import { useLocation } from "preact-iso";
import { signIn } from "../../api/cognito";
import { sameSitePath, withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { EmailField, emailError } from "../../ui/EmailField";
import { PasswordField } from "../../ui/PasswordField";
import { hasSignInOutcome, isCode, Refusal } from "../../ui/Refusal";
import { AuthForm } from "./AuthForm";
import { ConfirmStep } from "./ConfirmStep";
import { useCredentials } from "./useCredentials";

export function SignInScreen() {
  const { query, route } = useLocation();
  const next = sameSitePath(query.next);
  const { keep, values, change, errors, setErrors } = useCredentials();
  const enter = useMutation({
    mutationFn: () => signIn(values.email.trim(), values.password),
    // The way to a new password has the e-mail filled in.
    onError: () => keep({ email: values.email.trim() }),
    onSuccess: () => {
      keep({ email: "" });
      route(next, true);
    },
  });
  if (isCode(enter.error, "UserNotConfirmedException")) {
    return <ConfirmStep {...values} email={values.email.trim()} next={next} onOtherAddress={() => enter.reset()} />;
  }
  const submit = () => {
    const email = emailError(values.email.trim());
    setErrors({ ...(email && { email }), ...(!values.password && { password: t.form.required }) });
    if (!email && values.password && !enter.isPending) enter.mutate();
  };
  return (
    <AuthForm title={t.auth.signInTitle} onSubmit={submit}>
      {next !== "/" && <p class="soft">{t.auth.intent}</p>}
      <EmailField value={values.email} error={errors.email} onValue={(email) => change({ email })} />
      <PasswordField value={values.password} error={errors.password} onValue={(password) => change({ password })} />
      <Refusal error={enter.error}>
        {hasSignInOutcome(enter.error, "PasswordResetRequiredException") && (
          <a href={withNext("/forgot", next)}>{t.auth.resetTitle}</a>
        )}
      </Refusal>
      <Button type="submit" busy={enter.isPending}>
        {t.auth.signIn}
      </Button>
      <div class="row apart">
        <a href={withNext("/forgot", next)}>{t.auth.forgot}</a>
        <a href={withNext("/sign-up", next)}>{t.auth.toSignUp}</a>
      </div>
    </AuthForm>
  );
}
