/**
 * The session. Tokens live in this origin's localStorage: a script of another origin cannot read them, the CSP and
 * Trusted Types keep foreign scripts out of this one, and a reload keeps the session. Other tabs follow by "storage".
 *
 * A session is one sign-in of one member on this device. Renewals keep its identity; whatever is answered later asks
 * first whether the session that it belongs to is still the current one.
 */
import { forget, recall, remember } from "../lib/storage";

export interface Session {
  /** Random; another sign-in, also of the same member, has another. */
  id: string;
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
  /** Absent from the answer to a refresh, unless tokens rotate: the old one stays valid. */
  RefreshToken?: string;
  /** Seconds. */
  ExpiresIn: number;
}

interface State {
  session: Session | undefined;
  expired: boolean;
  /** The member whose data the screens show: the signed-in one, and after an expired session still that one. */
  member: string | undefined;
  /** Increases when a member signs out or another one signs in; screens are remounted then, so that they keep no data. */
  generation: number;
}

const KEY = "session";
const listeners = new Set<() => void>();
const stored = recall<Session>(KEY);
let state: State = { session: stored, expired: false, member: stored?.userId, generation: 0 };
/** True if the browser stores data permanently; a private window may not. */
let persistent = true;

export const isSameSession = (one: Session | undefined, other: Session | undefined): boolean =>
  !!one && !!other && one.id === other.id && one.userId === other.userId;

/** The session as the tabs share it: newer than this tab's own, where another has renewed or ended it. */
export const sharedSession = (): Session | undefined => (persistent ? recall<Session>(KEY) : state.session);

/** True if answers to `session` may still be shown: it is the current one, or it has expired while in use. */
export const isCurrent = (session: Session): boolean =>
  isSameSession(state.session, session) || (state.expired && state.member === session.userId);

function set(session: Session | undefined, expired: boolean): void {
  const former = state.member;
  const member = session?.userId ?? (expired ? former : undefined);
  const left = former !== undefined && former !== member;
  state = { session, expired, member, generation: state.generation + Number(left) };
  if (left) forget(`cache.${former}.`);
  for (const listener of listeners) listener();
}

/** Takes over what another tab did to the session. */
export const adoptSharedSession = (): void => set(sharedSession(), false);

window.addEventListener("storage", (event) => {
  if (event.key === `civicforge.${KEY}` || event.key === null) adoptSharedSession();
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

/** The claims are read for display only: the API trusts nothing but the signed token. */
function sessionOf(tokens: Tokens, id: string, refreshToken: string): Session {
  const access = claims(tokens.AccessToken);
  return {
    id,
    userId: String(access.sub),
    email: String(claims(tokens.IdToken).email ?? ""),
    groups: Array.isArray(access["cognito:groups"]) ? access["cognito:groups"].map(String) : [],
    accessToken: tokens.AccessToken,
    refreshToken: tokens.RefreshToken ?? refreshToken,
    expiresAt: Date.now() + tokens.ExpiresIn * 1000,
  };
}

function keep(session: Session): Session {
  remember(KEY, session);
  persistent = isSameSession(recall<Session>(KEY), session);
  set(session, false);
  return session;
}

/** Starts a session: somebody has signed in. */
export const startSession = (tokens: Tokens): Session => keep(sessionOf(tokens, crypto.randomUUID(), ""));

/** Gives `session` new tokens; undefined, and nothing changes, when it has ended or been replaced meanwhile in any tab. */
export function renewSession(session: Session, tokens: Tokens): Session | undefined {
  if (!isSameSession(sharedSession(), session) || !isSameSession(state.session, session)) return undefined;
  const renewed = sessionOf(tokens, session.id, session.refreshToken);
  return isSameSession(renewed, session) ? keep(renewed) : undefined;
}

/** Ends the session of this browser. `expired` keeps the drafts and says so; a wanted sign-out forgets them. */
export function endSession({ expired }: { expired: boolean }): void {
  forget(KEY);
  if (!expired) {
    forget("draft.");
    remember("pendingAuth", { email: "" }, "sessionStorage"); // the address in the forms of sign-in
  }
  set(undefined, expired);
}
