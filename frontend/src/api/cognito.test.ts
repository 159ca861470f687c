import { describe, expect, it } from "vitest";
import { CONFIG, serve, signInAs, tokens } from "../../test/api";
import { userPool } from "../../test/cognito";
import { showLanguage } from "../lib/text";
import * as cognito from "./cognito";
import { sessionState } from "./session";
import { N, pad, srpClient, timestamp } from "./srp";

const refused = (type: string) =>
  new Response(JSON.stringify({ __type: `com.amazonaws#${type}`, message: type }), { status: 400 });

describe("signing in by SRP", () => {
  it("convinces a server that knows only the verifier, and starts the session", async () => {
    const calls = await serve(userPool("user-1", "correct horse battery", ["moderators"]));
    const session = await cognito.signIn("ana@example.org", "correct horse battery");
    expect(session).toMatchObject({ userId: "user-1", groups: ["moderators"], email: "user-1@example.org" });
    expect(sessionState().session?.accessToken).toBe(session.accessToken);
    expect(JSON.stringify(calls)).not.toContain("correct horse");
    expect(calls[0]?.headers.get("x-amz-target")).toBe("AWSCognitoIdentityProviderService.InitiateAuth");
  });

  it("fails with Cognito's code for a wrong password", async () => {
    await serve(userPool("user-1", "correct horse battery", ["moderators"]));
    await expect(cognito.signIn("ana@example.org", "wrong horse battery!")).rejects.toMatchObject({
      code: "NotAuthorizedException",
    });
    expect(sessionState().session).toBeUndefined();
  });

  it("says when nobody answers, and refuses a challenge that it does not know", async () => {
    await serve({});
    await expect(cognito.signIn("a@b.c", "x")).rejects.toMatchObject({ code: "network" });
    await serve({ "Cognito.InitiateAuth": { ChallengeName: "SMS_MFA" } });
    await expect(cognito.signIn("a@b.c", "x")).rejects.toMatchObject({ code: "challenge" });
  });

  it("refuses a server value that would give the password away", async () => {
    const client = srpClient(CONFIG.userPoolId);
    const challenge = { SRP_B: N.toString(16), SALT: "1", SECRET_BLOCK: "", USER_ID_FOR_SRP: "u" };
    await expect(client.answer(challenge, "p")).rejects.toThrow("unsafe");
  });

  it("writes numbers and times as Cognito reads them", () => {
    expect([pad(0x7fn), pad(0x80n), pad(0xfffn), pad(0x123n)]).toEqual(["7f", "0080", "0fff", "0123"]);
    expect(timestamp(new Date("2026-01-02T03:04:05Z"))).toBe("Fri Jan 2 03:04:05 UTC 2026");
  });
});

describe("a mail with a code", () => {
  it.each([
    ["SignUp", () => cognito.signUp("ana@example.org", "correct horse battery")],
    ["ResendConfirmationCode", () => cognito.resendCode("ana@example.org")],
    ["ForgotPassword", () => cognito.forgotPassword("ana@example.org")],
    ["UpdateUserAttributes", () => cognito.changeEmail("ana@example.com")],
  ])("that %s sends is asked for in the page's language", async (operation, ask) => {
    signInAs("ana");
    const calls = await serve({ [`Cognito.${operation}`]: {} });
    await ask();
    await showLanguage("ar");
    await ask();
    await showLanguage("en");
    expect(calls.map(({ body }) => body)).toMatchObject([
      { ClientMetadata: { locale: "en" } },
      { ClientMetadata: { locale: "ar" } },
    ]);
  });
});

describe("the session", () => {
  it("is renewed once for all who ask at the same time, keeping the refresh token", async () => {
    signInAs("ana");
    const { RefreshToken: _, ...fresh } = tokens("ana");
    const calls = await serve({ "Cognito.GetTokensFromRefreshToken": { AuthenticationResult: fresh } });
    const [first, second] = await Promise.all([cognito.renew(), cognito.renew()]);
    expect(calls).toHaveLength(1);
    expect(first).toBe(second);
    expect(sessionState().session).toMatchObject({ accessToken: fresh.AccessToken, refreshToken: "refresh" });
  });

  it("expires when the refresh token is refused, keeping drafts", async () => {
    signInAs("ana");
    localStorage.setItem("civicforge.draft.ana.create", "{}");
    await serve({ "Cognito.GetTokensFromRefreshToken": refused("NotAuthorizedException") });
    expect(await cognito.renew()).toBeUndefined();
    expect(sessionState()).toMatchObject({ session: undefined, expired: true });
    expect(localStorage.getItem("civicforge.draft.ana.create")).toBe("{}");
  });

  it("outlives a network that fails while renewing", async () => {
    signInAs("ana");
    await serve({});
    await expect(cognito.renew()).rejects.toMatchObject({ code: "network" });
    expect(sessionState().session?.userId).toBe("ana");
  });

  it("ends here even if the revocation fails, and forgets drafts", async () => {
    signInAs("ana");
    localStorage.setItem("civicforge.draft.ana.create", "{}");
    await serve({});
    await cognito.signOut();
    expect(sessionState()).toMatchObject({ session: undefined, expired: false });
    expect(localStorage.getItem("civicforge.draft.ana.create")).toBeNull();
  });

  it("ends everywhere only when Cognito confirms it", async () => {
    const session = signInAs("ana");
    await serve({ "Cognito.GlobalSignOut": refused("NotAuthorizedException") });
    await expect(cognito.signOutEverywhere()).rejects.toMatchObject({ code: "NotAuthorizedException" });
    expect(sessionState().session).toBeDefined();
    const calls = await serve({ "Cognito.GlobalSignOut": {} });
    await cognito.signOutEverywhere();
    expect(calls[0]?.body).toEqual({ AccessToken: session.accessToken });
    expect(sessionState().session).toBeUndefined();
  });

  it("follows a sign-out in another tab", () => {
    signInAs("ana");
    localStorage.clear();
    window.dispatchEvent(Object.assign(new Event("storage"), { key: "civicforge.session" }));
    expect(sessionState().session).toBeUndefined();
  });
});
