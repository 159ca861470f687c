/** One typed client for the API: signs what needs a token, renews it once, and turns refusals into ApiError. */
import createClient from "openapi-fetch";
import { config } from "./config";
import { publicReads } from "./limits.gen";
import { ApiError, toApiError } from "./problem";
import type { paths } from "./schema.gen";
import { reportService, serviceState } from "./service";
import { sessionState } from "./session";

/** A token that ends within this time is renewed first. */
const RENEW_BEFORE_MS = 30_000;

const renew = async () => (await import("./cognito")).renew();

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

async function send(request: Request): Promise<Response> {
  let { session } = sessionState();
  // The edge may keep a public answer for seconds; the browser's own copy would hide from members what they just did.
  if (isPublic(request)) return fetch(request, { cache: "no-cache" });
  if (!session) return fetch(request);
  if (session.expiresAt < Date.now() + RENEW_BEFORE_MS) session = await renew();
  if (!session) return fetch(request);
  const response = await fetch(signed(request, session.accessToken));
  if (response.status !== 401) return response;
  const renewed = await renew();
  return renewed ? fetch(signed(request, renewed.accessToken)) : response;
}

let client: ReturnType<typeof createClient<paths>> | undefined;

export function api() {
  client ??= createClient<paths>({ baseUrl: new URL(config().apiBase, location.origin).href, fetch: send });
  return client;
}

let requestId = "none";

/** The id under which the API logged this page's latest call. */
export const lastRequestId = (): string => requestId;

/** The body of a call. @throws ApiError for every refusal, and with code "network" when nobody answered. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const askedAt = Date.now();
  const answer = await call.catch(() => {
    reportService("unreachable");
    throw new ApiError({ status: 0, code: "network", title: "no answer" });
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
