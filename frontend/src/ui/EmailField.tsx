import { t } from "../lib/text";
import { Input } from "./Field";

interface Props {
  label?: string;
  value: string;
  error?: string | undefined;
  onValue: (value: string) => void;
}

export const emailError = (email: string): string | undefined =>
  /^\S+@\S+\.\S+$/.test(email) ? undefined : t.form.email;

export function EmailField({ label = t.auth.email, ...field }: Props) {
  return <Input label={label} type="email" autocomplete="username" {...field} />;
}
