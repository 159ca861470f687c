/**
 * Who is signed in. Tokens live in this origin's localStorage: a script of another origin cannot read them, the CSP and
 * Trusted Types keep foreign scripts out of this one, and a reload keeps the session. Other tabs follow by "storage".
 */
import { forget, recall, remember } from "../lib/storage";

export interface Session {
  userId: string;
  email: string;
  groups: readonly string[];
  accessToken: string;
  refreshToken: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export interface Tokens {
  AccessToken: string;
  IdToken: string;
  /** Absent from the answer to a refresh: the old one stays valid. */
  RefreshToken?: string;
  /** Seconds. */
  ExpiresIn: number;
}

type State = { session: Session | undefined; expired: boolean };

const KEY = "session";
const listeners = new Set<() => void>();
let state: State = { session: recall<Session>(KEY), expired: false };

function set(next: State): void {
  state = next;
  for (const listener of listeners) listener();
}

window.addEventListener("storage", (event) => {
  if (event.key === `civicforge.${KEY}` || event.key === null) set({ session: recall<Session>(KEY), expired: false });
});

export const sessionState = (): State => state;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function claims(token: string): Record<string, unknown> {
  const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}

/** Starts or renews the session. The claims are read for display only: the API trusts nothing but the signed token. */
export function startSession(tokens: Tokens): Session {
  const access = claims(tokens.AccessToken);
  const session: Session = {
    userId: String(access.sub),
    email: String(claims(tokens.IdToken).email ?? ""),
    groups: Array.isArray(access["cognito:groups"]) ? access["cognito:groups"].map(String) : [],
    accessToken: tokens.AccessToken,
    refreshToken: tokens.RefreshToken ?? state.session?.refreshToken ?? "",
    expiresAt: Date.now() + tokens.ExpiresIn * 1000,
  };
  remember(KEY, session);
  set({ session, expired: false });
  return session;
}

/** Ends the session of this browser. `expired` keeps the drafts and says so; a wanted sign-out forgets them. */
export function endSession({ expired }: { expired: boolean }): void {
  forget(KEY);
  if (!expired) forget("draft.");
  set({ session: undefined, expired });
}
