import { describe, expect, it } from "vitest";
import { card, me, problem, serve, signInAs, tokens } from "../../test/api";
import { api, unwrap } from "./client";
import { loadConfig } from "./config";
import { ApiError } from "./problem";
import { reportService, serviceState } from "./service";
import { sessionState } from "./session";

const getMe = () => unwrap(api().GET("/me"));
const failure = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => Promise.reject(new Error("it succeeded")),
    (error: unknown) => (error instanceof ApiError ? error : Promise.reject(error)),
  );

describe("tokens", () => {
  it("are not sent with public reads, so that the edge can cache them", async () => {
    signInAs("ana");
    const calls = await serve({ "GET /quests": { items: [card()] }, "GET /me": me() });
    await unwrap(api().GET("/quests"));
    await getMe();
    expect(calls[0]?.headers.get("authorization")).toBeNull();
    expect(calls[1]?.headers.get("authorization")).toBe(`Bearer ${sessionState().session?.accessToken}`);
  });

  it("are renewed before they run out", async () => {
    signInAs("ana", [], 10);
    const fresh = tokens("ana");
    const calls = await serve({
      "GET /me": me(),
      "Cognito.GetTokensFromRefreshToken": { AuthenticationResult: fresh },
    });
    await getMe();
    expect(calls.map(({ path }) => path)).toEqual(["/", "/me"]);
    expect(calls[1]?.headers.get("authorization")).toBe(`Bearer ${fresh.AccessToken}`);
  });

  it("are renewed once when refused, and the call is repeated with its body", async () => {
    signInAs("ana");
    const fresh = tokens("ana");
    const calls = await serve({
      "PATCH /me": ({ headers }: { headers: Headers }) =>
        headers.get("authorization") === `Bearer ${fresh.AccessToken}`
          ? me({ displayName: "Ana" })
          : problem(401, "expired"),
      "Cognito.GetTokensFromRefreshToken": { AuthenticationResult: fresh },
    });
    const saved = await unwrap(api().PATCH("/me", { body: { displayName: "Ana" } }));
    expect(saved.displayName).toBe("Ana");
    expect(calls.at(-1)?.body).toEqual({ displayName: "Ana" });
  });

  it("that cannot be renewed end the session as expired", async () => {
    signInAs("ana");
    await serve({
      "GET /me": problem(401, "expired"),
      "Cognito.GetTokensFromRefreshToken": new Response(JSON.stringify({ __type: "NotAuthorizedException" }), {
        status: 400,
      }),
    });
    expect((await failure(getMe())).status).toBe(401);
    expect(sessionState().expired).toBe(true);
  });
});

describe("refusals", () => {
  it("carry code, request id and field messages", async () => {
    await serve({ "GET /me": problem(422, "invalid_input", { errors: [{ field: "title", message: "too short" }] }) });
    const error = await failure(getMe());
    expect(error).toMatchObject({
      status: 422,
      code: "invalid_input",
      transient: false,
      fields: { title: "too short" },
    });
    expect(error.problem.requestId).toBe("req-1");
  });

  it("of a gateway that knows no problem+json still have a code and an id", async () => {
    await serve({
      "GET /me": new Response("{}", { status: 429, headers: { "x-request-id": "gw", "retry-after": "7" } }),
    });
    expect(await failure(getMe())).toMatchObject({ code: "http_429", retryAfter: 7, problem: { requestId: "gw" } });
  });

  it("tell the banner how the service is", async () => {
    await serve({});
    expect(await failure(getMe())).toMatchObject({ code: "network", transient: true });
    expect(serviceState()).toBe("unreachable");
    await serve({ "GET /me": me() });
    await getMe();
    expect(serviceState()).toBe("up");
    await serve({ "GET /me": problem(503, "breaker_open") });
    await failure(getMe());
    expect(serviceState()).toBe("paused");
  });

  it("by the breaker outlast a read that is answered: only the health check knows that it is closed again", async () => {
    await serve({ "GET /me": me() });
    reportService("paused");
    await getMe();
    expect(serviceState()).toBe("paused");
  });
});

describe("config.json", () => {
  it("must be there and complete", async () => {
    await serve({});
    await expect(serve({ "GET /config.json": problem(404, "none") })).rejects.toThrow("404");
    await expect(serve({ "GET /config.json": { stage: "x" } })).rejects.toThrow("apiBase");
    await serve({});
    expect((await loadConfig()).mailbox).toBeNull();
  });
});
