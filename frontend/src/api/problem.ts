import { language, t } from "../lib/text";
import type { Problem } from "./types";

/** The failure of a call: the API's problem+json (RFC 9457), or status 0 and code "network" when nobody answered. */
export type Refusal = Partial<Problem> & Pick<Problem, "status" | "code" | "title">;

export class ApiError extends Error {
  constructor(
    readonly problem: Refusal,
    /** Seconds to wait before the next try, where the API said so. */
    readonly retryAfter?: number,
  ) {
    super(problem.title);
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }

  /** True if the same call may work a little later. */
  get transient(): boolean {
    return this.status === 0 || this.status >= 500;
  }

  /**
   * The messages of a 422, by field; what is wrong with one item of a list counts for the list. The API writes English:
   * in another language the field is only said to be refused.
   */
  get fields(): Record<string, string> {
    const said = (message: string) => (language() === "en" ? message : t.form.refused);
    return Object.fromEntries(
      (this.problem.errors ?? []).map(({ field, message }) => [field.split(".")[0], said(message)]),
    );
  }
}

/** Reads a refused response; one that is no problem+json (a gateway, a proxy) still gets a status and a request id. */
export function toApiError(response: Response, body: unknown): ApiError {
  const given: Partial<Refusal> = typeof body === "object" && body !== null ? body : {};
  const requestId = given.requestId ?? response.headers.get("x-request-id") ?? response.headers.get("x-amz-cf-id");
  const retryAfter = Number(response.headers.get("retry-after"));
  return new ApiError(
    {
      title: response.statusText,
      ...given,
      code: given.code ?? `http_${response.status}`,
      status: response.status,
      ...(requestId ? { requestId } : {}),
    },
    retryAfter > 0 ? retryAfter : undefined,
  );
}
