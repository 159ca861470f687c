/**
 * The service's state, as the app's calls find it; the shell shows a banner. With the operators' breaker open it is
 * `paused` (read-only) or `closed` (nothing works).
 */
export type ServiceState = "up" | "unreachable" | "paused" | "closed";

let state: ServiceState = navigator.onLine === false ? "unreachable" : "up";
let changedAt = 0;
const listeners = new Set<() => void>();

export const serviceState = (): ServiceState => state;

export function onServiceChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** `askedAt` (milliseconds) is when the call began: one that began before the latest change says nothing new. */
export function reportService(next: ServiceState, askedAt: number = Date.now()): void {
  if (next === state || askedAt < changedAt) return;
  state = next;
  changedAt = Date.now();
  for (const listener of listeners) listener();
}

window.addEventListener("offline", () => reportService("unreachable"));
