/** A session is one sign-in: what belongs to another one changes nothing in it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { me, serve, signInAs, tokens } from "../../test/api";
import { editMe } from "./actions";
import * as cognito from "./cognito";
import { withDeviceCopy } from "./copies";
import { meQuery, queryClient } from "./queries";
import { endSession, type Session, sessionState } from "./session";

const refused = (type: string, status: number) =>
  new Response(JSON.stringify({ __type: type, message: type }), { status });
const stored = () => JSON.parse(localStorage.getItem("civicforge.session") ?? "null") as Session | null;
const { RefreshToken: _, ...FRESH } = tokens("ana");

/** Writes as another tab does, and lets this tab hear of it. */
function otherTab(session: Session | null): void {
  if (session) localStorage.setItem("civicforge.session", JSON.stringify(session));
  else localStorage.removeItem("civicforge.session");
  window.dispatchEvent(Object.assign(new Event("storage"), { key: "civicforge.session" }));
}

/** A renewal that waits for its answer. */
async function renewing() {
  let answer: (value: unknown) => void = () => undefined;
  await serve({
    "Cognito.GetTokensFromRefreshToken": () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    "Cognito.RevokeToken": {},
    "Cognito.GlobalSignOut": {},
  });
  const pending = cognito.renew().catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { pending, answer: () => answer({ AuthenticationResult: FRESH }) };
}

afterEach(() => vi.unstubAllGlobals());

describe("a refused renewal", () => {
  it.each([
    ["TooManyRequestsException", 400],
    ["InternalErrorException", 500],
    ["ThrottlingException", 400],
    ["ResourceNotFoundException", 400],
    ["UnexpectedLambdaException", 400],
    ["SomethingNew", 400],
  ])("with %s keeps the session", async (type, status) => {
    signInAs("ana");
    await serve({ "Cognito.GetTokensFromRefreshToken": refused(type, status) });
    await expect(cognito.renew()).rejects.toMatchObject({ code: type });
    expect(sessionState().session?.userId).toBe("ana");
    expect(stored()?.userId).toBe("ana");
  });

  it.each(["NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException"])(
    "with %s ends it, and says so",
    async (type) => {
      signInAs("ana");
      await serve({ "Cognito.GetTokensFromRefreshToken": refused(type, 400) });
      await expect(cognito.renew()).resolves.toBeUndefined();
      expect(sessionState()).toMatchObject({ session: undefined, expired: true, member: "ana" });
    },
  );

  it("for the moment leaves a token in use that is still good", async () => {
    signInAs("ana", [], 20);
    await serve({
      "Cognito.GetTokensFromRefreshToken": refused("TooManyRequestsException", 400),
      "GET /me": me({ userId: "ana" }),
    });
    await expect(queryClient.fetchQuery(meQuery())).resolves.toMatchObject({ userId: "ana" });
  });
});

describe("a sign-out is final", () => {
  it("here, whatever is under way", async () => {
    signInAs("ana");
    const { pending, answer } = await renewing();
    await cognito.signOut();
    answer();
    await pending;
    expect(sessionState().session).toBeUndefined();
    expect(stored()).toBeNull();
  });

  it("also in another tab", async () => {
    signInAs("ana");
    const { pending, answer } = await renewing();
    otherTab(null);
    answer();
    await pending;
    expect(sessionState().session).toBeUndefined();
    expect(stored()).toBeNull();
  });

  it("when the other tab's sign-out has not been heard of yet", async () => {
    signInAs("ana");
    const { pending, answer } = await renewing();
    localStorage.removeItem("civicforge.session");
    answer();
    await pending;
    expect(stored()).toBeNull();
  });

  it("when somebody else has signed in since", async () => {
    signInAs("ana");
    const { pending, answer } = await renewing();
    endSession({ expired: false });
    const ben = signInAs("ben");
    answer();
    await pending;
    expect(sessionState().session).toEqual(ben);
    expect(stored()).toEqual(ben);
  });

  it("when the same member has signed in anew", async () => {
    signInAs("ana");
    const { pending, answer } = await renewing();
    endSession({ expired: false });
    const again = signInAs("ana");
    answer();
    await pending;
    expect(stored()).toEqual(again);
  });
});

describe("tabs", () => {
  it("renew one after the other, and take what the one before has brought", async () => {
    const session = signInAs("ana");
    const locks: string[] = [];
    vi.stubGlobal("navigator", {
      languages: ["en"],
      onLine: true,
      locks: {
        request: async (name: string, work: () => unknown) => {
          locks.push(name);
          // The tab before has just finished.
          localStorage.setItem("civicforge.session", JSON.stringify({ ...session, accessToken: "newer" }));
          return work();
        },
      },
    });
    const calls = await serve({});
    await expect(cognito.renew()).resolves.toMatchObject({ accessToken: "newer" });
    expect(locks).toEqual(["civicforge.session"]);
    expect(calls).toEqual([]);
    expect(sessionState().session?.accessToken).toBe("newer");
  });

  it("keep a refresh token that was replaced", async () => {
    signInAs("ana");
    await serve({
      "Cognito.GetTokensFromRefreshToken": { AuthenticationResult: { ...FRESH, RefreshToken: "rotated" } },
    });
    await cognito.renew();
    expect(stored()?.refreshToken).toBe("rotated");
  });
});

describe("another member", () => {
  it("in another tab leaves nothing of the former one here", async () => {
    const ana = signInAs("ana");
    await serve({ "GET /me": me({ userId: "ana", displayName: "Ana" }) });
    await queryClient.fetchQuery(meQuery());
    expect(withDeviceCopy("profile", "me")).toHaveProperty("initialData");
    const { generation } = sessionState();
    otherTab({ ...ana, userId: "ben", email: "ben@example.org" });
    expect(queryClient.getQueryData(meQuery().queryKey)).toBeUndefined();
    expect(withDeviceCopy("profile", "me")).not.toHaveProperty("initialData");
    expect(Object.keys(localStorage).filter((key) => key.includes("cache.ana"))).toEqual([]);
    expect(sessionState().generation).toBe(generation + 1);
  });

  it("is not shown an answer that was asked for by the one before", async () => {
    signInAs("ana");
    let answer: (value: unknown) => void = () => undefined;
    await serve({
      "PATCH /me": () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const pending = editMe({ displayName: "Ana" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    endSession({ expired: false });
    signInAs("ben");
    answer(me({ userId: "ana", displayName: "Ana" }));
    await expect(pending).rejects.toMatchObject({ code: "session_changed" });
  });

  it("is not the same member after an expired session", () => {
    signInAs("ana");
    const { generation } = sessionState();
    endSession({ expired: true });
    expect(sessionState()).toMatchObject({ member: "ana", generation });
    signInAs("ana");
    expect(sessionState().generation).toBe(generation);
    endSession({ expired: true });
    signInAs("ben");
    expect(sessionState().generation).toBe(generation + 1);
  });
});
