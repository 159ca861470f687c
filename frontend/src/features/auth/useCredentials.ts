import { useState } from "preact/hooks";
import { useErrors } from "../../ui/hooks";
import { usePendingAuth } from "./pendingAuth";

export interface Credentials {
  email: string;
  password: string;
}

/** The typed credentials; the e-mail is that of the step that is under way. */
export function useCredentials() {
  const { pendingAuth, keep } = usePendingAuth();
  const [values, setValues] = useState<Credentials>({ email: pendingAuth.email, password: "" });
  const { errors, setErrors, touched } = useErrors<Credentials>();
  const change = (patch: Partial<Credentials>) => {
    setValues((current) => ({ ...current, ...patch }));
    touched(patch);
  };
  return { pendingAuth, keep, values, change, errors, setErrors };
}
