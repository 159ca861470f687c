/**
 * One typed client for the API: signs what needs a token, renews it once, ends in time, and turns refusals into ApiError.
 */
import createClient from "openapi-fetch";
import { TimeoutError, within } from "../lib/within";
import { config } from "./config";
import { publicReads } from "./limits.gen";
import { ApiError, toApiError } from "./problem";
import type { paths } from "./schema.gen";
import { reportService, serviceState } from "./service";
import { isCurrent, type Session, sessionState } from "./session";

/** A token that ends within this time is renewed first. */
const RENEW_BEFORE_MS = 30_000;

const cognito = () => import("./cognito");

/** Public reads carry no identity, so that the edge may cache them. */
function isPublic(request: Request): boolean {
  const path = new URL(request.url).pathname.slice(config().apiBase.length);
  return request.method === "GET" && publicReads.test(path);
}

function signed(request: Request, accessToken: string): Request {
  const copy = request.clone();
  copy.headers.set("Authorization", `Bearer ${accessToken}`);
  return copy;
}

/** The session, its token renewed if it expires soon; with the old token if the renewal fails for now. */
async function fresh(session: Session): Promise<Session | undefined> {
  if (session.expiresAt > Date.now() + RENEW_BEFORE_MS) return session;
  const { renew } = await cognito();
  return renew().catch((error: unknown) => {
    if (session.expiresAt > Date.now()) return session;
    throw error;
  });
}

async function send(request: Request): Promise<Response> {
  // Without a network a write fails at once, so that it is not queued anywhere.
  if (request.method !== "GET" && navigator.onLine === false) throw new TypeError("the device is offline");
  // The edge may keep a public answer for seconds; the browser's own copy would hide from members what they just did.
  if (isPublic(request)) return fetch(request, { cache: "no-cache" });
  const { session } = sessionState();
  const current = session && (await fresh(session));
  if (!current) return fetch(request);
  let response = await fetch(signed(request, current.accessToken));
  if (response.status === 401) {
    const renewed = await (await cognito()).renew();
    if (!renewed) return response;
    response = await fetch(signed(request, renewed.accessToken));
  }
  // What was asked for one member is not shown to another, nor after the sign-out.
  if (!isCurrent(current)) throw new ApiError({ status: 401, code: "session_changed", title: "another session" });
  return response;
}

let client: ReturnType<typeof createClient<paths>> | undefined;

export function api() {
  client ??= createClient<paths>({ baseUrl: new URL(config().apiBase, location.origin).href, fetch: send });
  return client;
}

let requestId = "none";

/** The id under which the API logged this app's latest call. */
export const lastRequestId = (): string => requestId;

/** The error of a call that brought no answer. */
function unanswered(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  // A renewal that Cognito refused for the moment: not the network, and no reason to sign in again.
  if (error instanceof Error && "outcome" in error && !isNetwork(error)) {
    return new ApiError({ status: 503, code: "renewal_failed", title: error.message });
  }
  reportService("unreachable");
  const code = error instanceof TimeoutError ? "timeout" : "network";
  return new ApiError({ status: 0, code, title: "no answer" });
}

const isNetwork = (error: Error): boolean => "code" in error && error.code === "network";

/**
 * The body of a call.
 * @throws ApiError for every refusal, and with code "network" or "timeout" when nobody answered: after a timeout it is
 * not known whether a write arrived.
 */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const askedAt = Date.now();
  const answer = await within(call).catch((error: unknown) => {
    throw unanswered(error);
  });
  const { response } = answer;
  requestId = response.headers.get("x-request-id") ?? requestId;
  if (!response.ok) {
    const error = toApiError(response, answer.error);
    if (error.code === "breaker_open") {
      if (serviceState() !== "closed") reportService("paused");
    } else if (error.status >= 502) reportService("unreachable");
    throw error;
  }
  // With the breaker open reads may still be answered: the health check alone knows when that is over.
  if (serviceState() === "unreachable") reportService("up", askedAt);
  return answer.data as T;
}
