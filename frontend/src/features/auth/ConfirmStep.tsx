import { useMutation } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { confirmSignUp, resendCode, signIn } from "../../api/cognito";
import { withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { CODE_LENGTH, CodeField, codeError } from "../../ui/CodeField";
import { announce, Loading } from "../../ui/feedback";
import { useErrors } from "../../ui/hooks";
import { hasSignInOutcome, Refusal } from "../../ui/Refusal";
import { AuthForm } from "./AuthForm";
import { usePendingAuth } from "./pendingAuth";
import type { Credentials } from "./useCredentials";

interface Props extends Credentials {
  next: string;
  onOtherAddress: () => void;
  /** True if the sign-up has just sent a code; if not, this step sends one. */
  sent?: boolean;
  /** The next step in place of the sign-in. */
  onConfirmed?: () => void;
}

/**
 * The code screen of an address that is to be confirmed; the right code signs the member in and leads to the welcome.
 * After a reload the password is not known any more: then they sign in themselves.
 */
export function ConfirmStep({ email, password, next, onOtherAddress, sent = false, onConfirmed }: Props) {
  const { route } = useLocation();
  const { keep } = usePendingAuth();
  const [code, setCode] = useState("");
  const { errors, setErrors, touched } = useErrors<{ code: string }>();
  const welcome = withNext("/welcome", next);
  const goOn = (signedIn: boolean) => {
    keep({ email: signedIn ? "" : email });
    if (!signedIn) announce(t.auth.confirmed);
    route(signedIn ? welcome : withNext("/sign-in", welcome), true);
  };
  const first = useMutation({
    mutationFn: () => resendCode(email),
    onError: (error) => {
      if (hasSignInOutcome(error, "alreadyConfirmed")) goOn(false);
    },
  });
  useEffect(() => {
    if (!sent) first.mutate();
  }, []);
  const confirm = useMutation({
    mutationFn: async () => {
      // A code that has done its work, of a double click or a lost answer, is as good as one that does it now.
      await confirmSignUp(email, code).catch((error: unknown) => {
        if (!hasSignInOutcome(error, "alreadyConfirmed")) throw error;
      });
      // The code is spent, whatever comes of the sign-in: it must not be asked for again.
      return (
        !!password &&
        !onConfirmed &&
        signIn(email, password).then(
          () => true,
          () => false,
        )
      );
    },
    onSuccess: (signedIn) => (onConfirmed ? onConfirmed() : goOn(signedIn)),
  });
  const send = () => {
    if (code.length === CODE_LENGTH && !confirm.isPending) confirm.mutate();
  };
  useEffect(send, [code]);
  const submit = () => {
    const found = codeError(code);
    setErrors(found ? { code: found } : {});
    send();
  };
  if (!sent && (first.isIdle || first.isPending)) return <Loading lines={1} />;
  return (
    <AuthForm title={t.auth.codeTitle} onSubmit={submit}>
      <CodeField
        email={email}
        sent={sent || first.isSuccess}
        resend={resendCode}
        onOtherAddress={onOtherAddress}
        value={code}
        error={errors.code}
        onValue={(typed) => {
          setCode(typed);
          touched({ code: typed });
        }}
      />
      <Refusal error={confirm.error ?? first.error} />
      <Button type="submit" busy={confirm.isPending}>
        {t.auth.confirm}
      </Button>
    </AuthForm>
  );
}
