import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { t } from "../lib/text";

interface Props {
  variant?: "primary" | "quiet" | "plain" | "danger";
  type?: "button" | "submit";
  busy?: boolean;
  /** The reason why it cannot be pressed. It stays in the tab order, so that everybody can find out. */
  disabledReason?: string | undefined;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button({
  variant = "primary",
  type = "button",
  busy = false,
  disabledReason,
  onClick,
  children,
}: Props) {
  const press = (event: Event) => {
    if (busy || disabledReason) event.preventDefault();
    else onClick?.();
  };
  const id = useId();
  return (
    <>
      <button
        class={`button ${variant}`}
        type={type}
        aria-busy={busy}
        aria-disabled={busy || !!disabledReason}
        aria-describedby={disabledReason && id}
        onClick={press}
      >
        {busy ? t.common.busy : children}
      </button>
      {disabledReason && (
        <span class="small soft" id={id}>
          {disabledReason}
        </span>
      )}
    </>
  );
}

export function ButtonLink({
  href,
  variant = "primary",
  children,
}: Pick<Props, "variant" | "children"> & { href: string }) {
  return (
    <a class={`button ${variant}`} href={href}>
      {children}
    </a>
  );
}
