/** JSON in the browser's storage that never throws: private windows and full disks read as "nothing stored". */
const PREFIX = "civicforge.";

/** The storage that outlives the tab, and the one that goes with it. */
type Place = "localStorage" | "sessionStorage";

export function recall<T>(key: string, place: Place = "localStorage"): T | undefined {
  try {
    const stored = globalThis[place].getItem(PREFIX + key);
    return stored === null ? undefined : (JSON.parse(stored) as T);
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: unknown, place: Place = "localStorage"): void {
  try {
    globalThis[place].setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Nothing to do: the app works without it.
  }
}

/** The keys of localStorage that start with `prefix`, without ours. */
export function keysOf(prefix: string): string[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + prefix))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}

/** Removes every key of localStorage that starts with `prefix`. */
export function forget(prefix: string): void {
  try {
    for (const key of keysOf(prefix)) localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing was stored.
  }
}
