import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { onServiceChange, serviceState } from "../api/service";
import { sessionState, subscribe } from "../api/session";
import { forget, recall, remember } from "../lib/storage";
import { language, onLanguageChange } from "../lib/text";
import type { FieldErrors } from "../lib/validate";

function useStore<T>(read: () => T, listen: (listener: () => void) => () => void): T {
  const [value, set] = useState(read);
  useEffect(() => {
    const update = () => set(() => read());
    update();
    return listen(update);
  }, []);
  return value;
}

export const useSession = () => useStore(sessionState, subscribe);

export const useService = () => useStore(serviceState, onServiceChange);

export const useLanguage = () => useStore(language, onLanguageChange);

/** The part of a form that `useDraft` keeps. */
export const draftOf = <T extends object>(form: string): Partial<T> | undefined =>
  recall<Partial<T>>(`draft.${sessionState().member ?? ""}.${form}`);

/**
 * Form values that survive a reload, a crash and an expired session, until `clear` forgets them and shows others. Each
 * member has their own.
 */
export function useDraft<T extends object>(form: string, initial: T) {
  const owner = useRef(sessionState().member);
  const key = `draft.${owner.current ?? ""}.${form}`;
  const [values, set] = useState<T>(() => ({ ...initial, ...recall<Partial<T>>(key) }));
  const change = useCallback(
    (patch: Partial<T>) =>
      set((current) => {
        const next = { ...current, ...patch };
        remember(key, next);
        return next;
      }),
    [key],
  );
  const clear = useCallback(
    (next: T = initial) => {
      forget(key);
      set(next);
    },
    [key],
  );
  return { values, change, clear };
}

/** The error of each field of a form, until it is changed. */
export function useErrors<T extends object>() {
  const [errors, setErrors] = useState<FieldErrors<T>>({});
  const touched = (patch: Partial<T>) =>
    setErrors((current) => {
      const left = Object.entries(current).filter(([field]) => !(field in patch));
      return Object.fromEntries(left) as FieldErrors<T>;
    });
  return { errors, setErrors, touched };
}

/** Moves the focus to the heading of what has appeared, and as much of that into sight as fits. */
export function useFocus<T extends HTMLElement>() {
  const ref = useRef<T>(null);
  useLayoutEffect(() => {
    ref.current?.focus({ preventScroll: true });
    ref.current?.parentElement?.scrollIntoView({ block: "nearest" });
  }, []);
  return ref;
}

/** Seconds until zero; `start` begins anew. */
export function useCountdown() {
  const [seconds, set] = useState(0);
  useEffect(() => {
    if (seconds <= 0) return;
    const timer = setTimeout(() => set(seconds - 1), 1000);
    return () => clearTimeout(timer);
  }, [seconds]);
  return { seconds, start: set };
}
