import { useMutation } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { confirmSignUp, resendCode, signIn } from "../../api/cognito";
import { withNext } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { announce } from "../../ui/feedback";
import { useErrors } from "../../ui/hooks";
import { AuthForm } from "./AuthForm";
import { CODE_LENGTH, CodeField, codeError } from "./fields";
import { usePendingAuth } from "./pendingAuth";
import { Refusal } from "./Refusal";
import type { Credentials } from "./useCredentials";

/**
 * The code screen after a sign-up; the right code signs the member in and leads to the welcome. After a reload the password
 * is not known any more: then they sign in themselves.
 */
export function ConfirmStep({ email, password, next, onOther }: Credentials & { next: string; onOther: () => void }) {
  const { route } = useLocation();
  const { keep } = usePendingAuth();
  const [code, setCode] = useState("");
  const { errors, setErrors, touched } = useErrors<{ code: string }>();
  const welcome = withNext("/welcome", next);
  const confirm = useMutation({
    mutationFn: async () => {
      await confirmSignUp(email, code);
      // The code is spent, whatever comes of the sign-in: it must not be asked for again.
      return (
        !!password &&
        signIn(email, password).then(
          () => true,
          () => false,
        )
      );
    },
    onSuccess: (signedIn) => {
      keep({ email: signedIn ? "" : email });
      if (!signedIn) announce(t.auth.confirmed);
      route(signedIn ? welcome : withNext("/sign-in", welcome), true);
    },
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
  return (
    <AuthForm title={t.auth.codeTitle} onSubmit={submit}>
      <CodeField
        email={email}
        resend={resendCode}
        onOther={onOther}
        value={code}
        error={errors.code}
        onValue={(typed) => {
          setCode(typed);
          touched({ code: typed });
        }}
      />
      <Refusal error={confirm.error} />
      <Button type="submit" busy={confirm.isPending}>
        {t.auth.confirm}
      </Button>
    </AuthForm>
  );
}
