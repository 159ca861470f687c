import { useState } from "preact/hooks";
import { recall, remember } from "../../lib/storage";

/** The person on the way in, and the code that they wait for; never the password. */
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
