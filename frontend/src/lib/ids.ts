/** A random key for one attempt at a write; the API gives the same answer however often it is repeated. */
export const idempotencyKey = (): string => crypto.randomUUID();

/** `path` with the way on from there, which `sameSitePath` reads again. */
export const withNext = (path: string, next: string): string =>
  next === "/" ? path : `${path}?next=${encodeURIComponent(next)}`;

/** A path of this app, or "/" when `next` (which anybody may have put in a link) leads elsewhere. */
export function sameSitePath(next: string | undefined): string {
  if (!next?.startsWith("/")) return "/";
  const url = new URL(next, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : "/";
}
