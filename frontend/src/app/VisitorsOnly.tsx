import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { sessionState } from "../api/session";
import { sameSitePath } from "../lib/ids";

/** Sends members on: who goes back after signing in does not want to sign in again. */
export function VisitorsOnly({ children }: { children: ComponentChildren }) {
  const { query, route } = useLocation();
  const [isMember] = useState(!!sessionState().session);
  useEffect(() => {
    if (isMember) route(sameSitePath(query.next), true);
  }, []);
  return isMember ? null : children;
}
