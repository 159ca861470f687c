import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { deleteMe } from "../../api/actions";
import { provePassword } from "../../api/cognito";
import { deletionGraceDays } from "../../api/limits.gen";
import { sessionState } from "../../api/session";
import type { Me } from "../../api/types";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { useErrors, useFocus } from "../../ui/hooks";
import { PasswordField } from "../../ui/PasswordField";
import { Refusal } from "../../ui/Refusal";

interface Props {
  onClose: () => void;
  onLeaving: (me: Me) => void;
}

/** Asks for the password before an account is deleted: a device that lies open is not its owner. */
export function DeletionForm({ onClose, onLeaving }: Props) {
  const [password, setPassword] = useState("");
  const { errors, setErrors, touched } = useErrors<{ password: string }>();
  const ask = useFocus<HTMLParagraphElement>();
  const leave = useMutation({
    mutationFn: async () => {
      await provePassword(sessionState().session?.email ?? "", password);
      return deleteMe();
    },
    onSuccess: onLeaving,
  });
  const submit = (event: Event) => {
    event.preventDefault();
    setErrors(password ? {} : { password: t.form.required });
    if (password && !leave.isPending) leave.mutate();
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <p ref={ask} tabIndex={-1}>
        {t.settings.deleteAsk({ count: deletionGraceDays })}
      </p>
      <PasswordField
        label={t.settings.deletePassword}
        value={password}
        error={errors.password}
        onValue={(typed) => {
          setPassword(typed);
          touched({ password: typed });
        }}
      />
      <Refusal error={leave.error} />
      <div class="row">
        <Button type="submit" variant="danger" busy={leave.isPending}>
          {t.settings.deleteConfirm({ count: deletionGraceDays })}
        </Button>
        <Button variant="plain" onClick={onClose}>
          {t.common.cancel}
        </Button>
      </div>
    </form>
  );
}
