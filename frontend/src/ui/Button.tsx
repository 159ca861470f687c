import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
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
  const id = useId();
  return (
    <>
      <button
        class={`button ${look}`}
        type={type}
        aria-busy={busy}
        aria-disabled={busy || !!denied}
        aria-describedby={denied && id}
        onClick={press}
      >
        {busy ? t.common.busy : children}
      </button>
      {denied && (
        <span class="small soft" id={id}>
          {denied}
        </span>
      )}
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
