import type { ComponentChildren } from "preact";
import { t } from "../lib/text";

interface Props {
  look?: "primary" | "quiet" | "plain" | "danger";
  type?: "button" | "submit";
  busy?: boolean;
  /** Why it cannot be pressed. It stays in the tab order, so that everybody can find out. */
  denied?: string | undefined;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button({ look = "primary", type = "button", busy = false, denied, onClick, children }: Props) {
  const press = (event: Event) => {
    if (busy || denied) event.preventDefault();
    else onClick?.();
  };
  return (
    <>
      <button class={`button ${look}`} type={type} aria-busy={busy} aria-disabled={busy || !!denied} onClick={press}>
        {busy ? t.common.busy : children}
      </button>
      {denied && <span class="small soft">{denied}</span>}
    </>
  );
}

export function ButtonLink({ href, look = "primary", children }: Pick<Props, "look" | "children"> & { href: string }) {
  return (
    <a class={`button ${look}`} href={href}>
      {children}
    </a>
  );
}
