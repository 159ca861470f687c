/** The app's feedback: announcements, notes, empty, loading and failed states. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/problem";
import { withNext } from "../lib/ids";
import { refusalOf, t } from "../lib/text";
import { ago } from "../lib/time";
import { Button } from "./Button";
import { useService } from "./hooks";
import { Icon, Seal } from "./icons";

/** The time that an announcement stays on the screen, in milliseconds. */
const SHOWN_MS = 10_000;

let show: (message: string) => void = () => undefined;

/** Says a result, on the screen and to screen readers. */
export const announce = (message: string): void => show(message);

/** The one live region; the shell renders it once and it stays, so that screen readers watch it. */
export function Announcer() {
  const [message, setMessage] = useState<{ text: string }>();
  show = (text) => setMessage({ text });
  useEffect(() => {
    if (!message) return;
    const timer = setTimeout(() => setMessage(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <div class="announcer" role="status" aria-live="polite">
      {message && (
        <p>
          <Icon name="check" />
          {message.text}
        </p>
      )}
    </div>
  );
}

interface NoteProps {
  variant?: "good" | "bad" | "warm";
  icon?: "alert" | "check" | "clock";
  children: ComponentChildren;
}

export function Note({ variant, icon = "alert", children }: NoteProps) {
  return (
    <div class={variant ? `note ${variant}` : "note"}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

/** Tells the error and what to do, in the member's words. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t.errors.server;
  if (error.code === "network") return t.errors.network;
  if (error.code === "timeout") return t.errors.timeout;
  if (error.code === "session_changed") return t.errors.sessionChanged;
  if (error.code === "breaker_open") return t.errors.paused;
  if (error.status === 429)
    return error.retryAfter ? t.errors.tooManyFor({ count: error.retryAfter }) : t.errors.tooMany;
  if (error.status === 401) return t.errors.signInFirst;
  if (error.status === 404) return t.errors.notFound;
  if (error.status === 422) return t.errors.invalid;
  if (error.status >= 500) return t.errors.server;
  return refusalOf(error.code) ?? t.errors.notAllowed;
}

/** An error, with the id that finds it in the logs. */
export function Failure({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  if (!error) return null;
  const requestId = error instanceof ApiError ? error.problem.requestId : undefined;
  return (
    <div role="alert">
      <Note variant="bad">
        <p>{explain(error)}</p>
        {requestId && <p class="small">{t.errors.requestId({ id: requestId })}</p>}
        {error instanceof ApiError && error.status === 401 && (
          <a href={withNext("/sign-in", location.pathname + location.search)}>{t.nav.signIn}</a>
        )}
        {retry && (
          <Button variant="plain" onClick={retry}>
            {t.common.retry}
          </Button>
        )}
      </Note>
    </div>
  );
}

interface ReadQuery {
  data?: unknown;
  dataUpdatedAt: number;
  error: unknown;
  refetch: () => unknown;
}

/**
 * The reason why something cannot be read now, or the age of the copy that is shown in its place: while nothing can be
 * reached, the banner above says so already.
 */
export function ReadState({ query }: { query: ReadQuery }) {
  const service = useService();
  const { data, dataUpdatedAt, error } = query;
  const unreachable = error instanceof ApiError && error.transient && service !== "up";
  return (
    <>
      {!(data && unreachable) && <Failure error={error} retry={() => query.refetch()} />}
      {!!data && service !== "up" && (
        <p class="small soft">
          <time dateTime={new Date(dataUpdatedAt).toISOString()}>{t.common.asOf({ ago: ago(dataUpdatedAt) })}</time>
        </p>
      )}
    </>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <Seal />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div class="tickets" aria-busy="true">
      <span class="visually-hidden">{t.common.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <div class="skeleton" key={line} />
      ))}
    </div>
  );
}
