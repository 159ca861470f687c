import { useState } from "preact/hooks";
import { recall, remember } from "../../lib/storage";

/** Who is on the way in, and to which code; never the password. */
export interface PendingAuth {
  email: string;
  awaits?: "confirm" | "reset";
}

/** Survives a reload and a look into the mail, for as long as the tab is open. */
export function usePendingAuth() {
  const [pendingAuth, set] = useState<PendingAuth>(() => recall("pendingAuth", "sessionStorage") ?? { email: "" });
  const keep = (next: PendingAuth) => {
    remember("pendingAuth", next, "sessionStorage");
    set(next);
  };
  return { pendingAuth, keep };
}
