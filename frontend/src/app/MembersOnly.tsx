import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { withNext } from "../lib/ids";
import { useSession } from "../ui/hooks";

/** Sends visitors to the sign-in and brings them back. A session that ends in mid-form leaves the form where it is. */
export function MembersOnly({ children }: { children: ComponentChildren }) {
  const { session, expired } = useSession();
  const { url, route } = useLocation();
  const [wasMember] = useState(!!session);
  const leave = !session && !(wasMember && expired);
  useEffect(() => {
    if (leave) route(wasMember ? "/" : withNext("/sign-in", url), true);
  }, [leave]);
  return leave ? null : children;
}
