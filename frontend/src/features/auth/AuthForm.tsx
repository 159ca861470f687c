import type { ComponentChildren } from "preact";
import { ScreenTitle } from "../../ui/ScreenTitle";
import "./auth.css";

export function AuthForm({
  title,
  onSubmit,
  children,
}: {
  title: string;
  onSubmit: () => void;
  children: ComponentChildren;
}) {
  return (
    <form
      class="auth panel stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <ScreenTitle title={title} />
      {children}
    </form>
  );
}
