import { useMutation } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { changePassword } from "../../api/cognito";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { announce } from "../../ui/feedback";
import { useErrors, useFocus } from "../../ui/hooks";
import { PasswordField, passwordError } from "../../ui/PasswordField";
import { Refusal } from "../../ui/Refusal";

export function PasswordSetting({ onClose }: { onClose: () => void }) {
  const [values, setValues] = useState({ current: "", fresh: "" });
  const { errors, setErrors, touched } = useErrors<typeof values>();
  const heading = useFocus<HTMLHeadingElement>();
  const change = (patch: Partial<typeof values>) => {
    setValues((now) => ({ ...now, ...patch }));
    touched(patch);
  };
  const save = useMutation({
    mutationFn: () => changePassword(values.current, values.fresh),
    onSuccess: () => {
      announce(t.settings.passwordChanged);
      onClose();
    },
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const fresh = passwordError(values.fresh);
    setErrors({ ...(!values.current && { current: t.form.required }), ...(fresh && { fresh }) });
    if (values.current && !fresh && !save.isPending) save.mutate();
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <h3 ref={heading} tabIndex={-1}>
        {t.settings.changePassword}
      </h3>
      <PasswordField
        label={t.settings.currentPassword}
        value={values.current}
        error={errors.current}
        onValue={(current) => change({ current })}
      />
      <PasswordField fresh value={values.fresh} error={errors.fresh} onValue={(fresh) => change({ fresh })} />
      <Refusal error={save.error} />
      <div class="row">
        <Button type="submit" busy={save.isPending}>
          {t.auth.reset}
        </Button>
        <Button variant="plain" onClick={onClose}>
          {t.common.cancel}
        </Button>
      </div>
    </form>
  );
}
