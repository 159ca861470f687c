import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../lib/text";

/** The first heading after a load does not take the focus; the browser has put it where it belongs. */
let first = true;

/** After back or forward the browser restores where the member was on the screen. */
let travelled = false;
window.addEventListener("popstate", () => {
  travelled = true;
});

/** The screen's heading. It names the tab, and takes the focus when a screen or a step follows another. */
export function ScreenTitle({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Layout effects, before anybody can type: later the focus would be taken out of a field again.
  useLayoutEffect(() => {
    document.title = t.nav.moved({ title });
  }, [title]);
  useLayoutEffect(() => {
    if (!first) heading.current?.focus({ preventScroll: travelled });
    first = false;
    travelled = false;
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} dir="auto">
      {children ?? title}
    </h1>
  );
}
