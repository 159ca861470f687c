import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../lib/text";

/** Whether the member has navigated inside the page: the first heading does not take the focus from the address bar. */
let navigated = false;

export function markNavigation(): void {
  navigated = true;
}

/** The screen's heading. It names the tab and takes the focus after a navigation. */
export function PageTitle({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = t.nav.moved(title);
  }, [title]);
  useEffect(() => {
    if (navigated) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children ?? title}
    </h1>
  );
}
