/**
 * Offline copies on this device of what a member has read. Each belongs to its member (`api/session.ts` removes them
 * when that member signs out) and is shown with its age.
 */
import { forget, keysOf, recall, remember } from "../lib/storage";
import { sessionState } from "./session";

interface Copy<T> {
  data: T;
  /** The time of reading, in milliseconds since the epoch. */
  at: number;
}

/** The number of copies of one kind (quests, people) that are kept. */
const LIMIT = 40;

const prefixOf = (kind: string): string => `cache.${sessionState().member ?? "visitor"}.${kind}.`;

export function keepCopy(kind: string, id: string, data: unknown): void {
  const prefix = prefixOf(kind);
  remember(prefix + id, { data, at: Date.now() });
  const keys = keysOf(prefix);
  if (keys.length <= LIMIT) return;
  const ageOf = (key: string) => recall<Copy<unknown>>(key)?.at ?? 0;
  const oldest = keys.map((key) => ({ key, at: ageOf(key) })).sort((a, b) => a.at - b.at);
  for (const { key } of oldest.slice(0, keys.length - LIMIT)) forget(key);
}

/** Query options that start from the copy, if there is one, and keep a new one of each answer. */
export function withDeviceCopy<T>(kind: string, id: string) {
  const copy = recall<Copy<T>>(prefixOf(kind) + id);
  return {
    meta: { copy: { kind, id } },
    ...(copy && { initialData: copy.data, initialDataUpdatedAt: copy.at }),
  };
}
