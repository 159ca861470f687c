/**
 * The service's state, as seen by the calls of this page; the shell shows a banner from it. Paused is reading only,
 * closed is nothing at all: the operators' breaker.
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
