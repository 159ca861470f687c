/** How the service is doing, as seen by the calls of this page; the shell shows a banner from it. */
export type ServiceState = "up" | "unreachable" | "paused";

let state: ServiceState = "up";
const listeners = new Set<() => void>();

export const serviceState = (): ServiceState => state;

export function onServiceChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function reportService(next: ServiceState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}
