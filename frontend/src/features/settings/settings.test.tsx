import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { me, person, serve, signInAs, tokens } from "../../../test/api";
import { userPool } from "../../../test/cognito";
import { address, open } from "../../../test/page";
import { sessionState } from "../../api/session";
import { chosenLanguage, t } from "../../lib/text";

describe("settings", () => {
  it("save the profile", async () => {
    signInAs("ben");
    const calls = await serve({ "GET /me": me(), "PATCH /me": me({ displayName: "Benno" }) });
    open("/settings");
    const user = userEvent.setup();
    const name = await screen.findByLabelText(t.settings.name);
    await user.clear(name);
    await user.click(screen.getByRole("button", { name: t.common.save }));
    expect(await screen.findByText(t.form.required)).toBeTruthy();
    await user.type(name, "Benno");
    expect(screen.queryByText(t.form.required)).toBeNull();
    await user.type(screen.getByLabelText(t.settings.interests, { exact: false }), "garden, books, garden");
    await user.click(screen.getByRole("button", { name: t.common.save }));
    expect(await screen.findByText(t.common.saved)).toBeTruthy();
    expect(calls.find(({ method }) => method === "PATCH")?.body).toEqual({
      displayName: "Benno",
      bio: "",
      interests: ["garden", "books"],
    });
  });

  it("say when mails come, and why none do", async () => {
    signInAs("ben");
    const calls = await serve({
      "GET /me": me({ mailStopped: "bounced" }),
      "PATCH /me": me({ mail: "daily" }),
    });
    open("/settings");
    expect(await screen.findByText(t.settings.mailStopped.bounced({ email: "ben@example.org" }))).toBeTruthy();
    expect((screen.getByRole("radio", { name: t.settings.mails.at_once }) as HTMLInputElement).checked).toBe(true);
    await userEvent.click(screen.getByRole("radio", { name: t.settings.mails.daily }));
    await waitFor(() => expect(calls.find(({ method }) => method === "PATCH")?.body).toEqual({ mail: "daily" }));
    expect(await screen.findByText(t.common.saved)).toBeTruthy();
    await waitFor(() => expect(screen.queryByText(t.settings.mailStopped.title)).toBeNull());
    expect((screen.getByRole("radio", { name: t.settings.mails.daily }) as HTMLInputElement).checked).toBe(true);
  });

  it("switch the look", async () => {
    signInAs("ben");
    await serve({ "GET /me": me() });
    open("/settings");
    await userEvent.click(await screen.findByRole("radio", { name: t.settings.themes.dark }));
    expect(document.documentElement.dataset.theme).toBe("dark");
    await userEvent.click(screen.getByRole("radio", { name: t.settings.themes.system }));
  });

  it("change the language of everything, and keep the choice", async () => {
    signInAs("ben");
    const calls = await serve({ "GET /me": me(), "PATCH /me": me() });
    open("/settings");
    await userEvent.click(await screen.findByRole("radio", { name: "العربية" }));
    expect(await screen.findByRole("heading", { level: 1, name: "الإعدادات" })).toBeTruthy();
    expect(document.documentElement.dir).toBe("rtl");
    expect(chosenLanguage()).toBe("ar");
    await waitFor(() => expect(calls.find(({ method }) => method === "PATCH")?.body).toEqual({ language: "ar" }));
    await userEvent.click(await screen.findByRole("radio", { name: "Français" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Réglages" })).toBeTruthy();
    expect(document.documentElement.dir).toBe("ltr");
  });

  it("sign out here", async () => {
    signInAs("ben");
    await serve({ "GET /me": me(), "Cognito.RevokeToken": {}, "GET /quests": { items: [] } });
    open("/settings");
    await userEvent.click(await screen.findByRole("button", { name: t.settings.signOut }));
    await waitFor(() => expect(sessionState().session).toBeUndefined());
    expect(await screen.findByText(t.settings.signedOut)).toBeTruthy();
    await waitFor(() => expect(address()).toBe("/"));
  });

  it("sign out everywhere only after asking", async () => {
    signInAs("ben");
    const calls = await serve({ "GET /me": me(), "Cognito.GlobalSignOut": {}, "GET /quests": { items: [] } });
    open("/settings");
    await userEvent.click(await screen.findByRole("button", { name: t.settings.signOutEverywhere }));
    expect(calls.some(({ headers }) => headers.get("x-amz-target"))).toBe(false);
    await userEvent.click(await screen.findByRole("button", { name: t.settings.signOutEverywhereConfirm }));
    await waitFor(() => expect(sessionState().session).toBeUndefined());
  });

  it("export all data as a file", async () => {
    signInAs("ben");
    await serve({ "GET /me": me(), "GET /me/export": { profile: me(), ledger: [], quests: [] } });
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    open("/settings");
    await userEvent.click(await screen.findByRole("button", { name: t.settings.export }));
    expect(await screen.findByText(t.settings.exported)).toBeTruthy();
    expect(click.mock.contexts[0]).toMatchObject({ download: "civicforge.json" });
  });

  it("delete the account with the password and time to think again", async () => {
    signInAs("ben");
    const leaving = me({ deletionAt: "2026-12-24T00:00:00.000Z" });
    const calls = await serve({
      ...userPool("ben", "correct horse battery"),
      "Cognito.RevokeToken": {},
      "GET /me": me(),
      "DELETE /me": leaving,
      "POST /me/restore": me(),
    });
    open("/settings");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.settings.delete }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.deleteAsk({ count: 14 })));
    await user.click(screen.getByRole("button", { name: t.common.cancel }));
    const button = await screen.findByRole("button", { name: t.settings.delete });
    await waitFor(() => expect(document.activeElement).toBe(button));
    await user.click(button);
    const confirm = screen.getByRole("button", { name: t.settings.deleteConfirm({ count: 14 }) });
    await user.click(confirm);
    expect(await screen.findByText(t.form.required)).toBeTruthy();
    const password = screen.getByLabelText(t.settings.deletePassword);
    await user.type(password, "wrong horse battery");
    await user.click(confirm);
    expect(await screen.findByText(t.auth.codes.NotAuthorizedException)).toBeTruthy();
    expect(calls.some(({ method, path }) => method === "DELETE" && path === "/me")).toBe(false);
    await user.clear(password);
    await user.type(password, "correct horse battery");
    const { session } = sessionState();
    await user.click(confirm);
    expect(await screen.findByText(t.settings.leaving)).toBeTruthy();
    expect(sessionState().session, "the session stays the one it was").toEqual(session);
    expect(calls.some(({ headers }) => headers.get("x-amz-target")?.endsWith("RevokeToken"))).toBe(true);
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.data));
    await user.click(await screen.findByRole("button", { name: t.settings.restore }));
    expect(await screen.findByText(t.settings.restored)).toBeTruthy();
    expect(await screen.findByRole("button", { name: t.settings.delete })).toBeTruthy();
  });

  it("list whom the member has blocked, and let them again", async () => {
    signInAs("ben");
    const calls = await serve({
      "GET /me": me({ blocked: ["ana", "eve"] }),
      "GET /users/ana": person("ana", "Ana"),
      "GET /users/eve": person("eve", "Eve"),
      "DELETE /me/blocked/ana": me({ blocked: ["eve"] }),
    });
    open("/settings");
    expect(await screen.findByRole("link", { name: "Eve" })).toBeTruthy();
    const [first] = screen.getAllByRole("button", { name: t.block.undo });
    await userEvent.click(first as HTMLElement);
    await waitFor(() => expect(screen.queryByRole("link", { name: "Ana" })).toBeNull());
    expect(screen.getByRole("link", { name: "Eve" })).toBeTruthy();
    expect(document.activeElement?.textContent).toBe(t.block.title);
    expect(calls.filter(({ method }) => method === "DELETE").map(({ path }) => path)).toEqual(["/me/blocked/ana"]);
  });
});

/** Every refusal that the user pool may have for these operations, with what the member is told (docs/accounts.md). */
const refused = (type: string, message: string) =>
  new Response(JSON.stringify({ __type: type, message }), { status: 400 });

describe("the password in settings", () => {
  const start = async (answer: unknown) => {
    signInAs("ben");
    const calls = await serve({ "GET /me": me(), "Cognito.ChangePassword": answer });
    open("/settings");
    await userEvent.click(await screen.findByRole("button", { name: t.settings.changePassword }));
    return calls;
  };
  const fill = async (current: string, fresh: string) => {
    await userEvent.type(screen.getByLabelText(t.settings.currentPassword), current);
    await userEvent.type(screen.getByLabelText(t.auth.newPassword), fresh);
    await userEvent.click(screen.getByRole("button", { name: t.auth.reset }));
  };

  it("is changed with the current one, as typed on any device", async () => {
    const calls = await start({});
    await fill("gro\u0308\u00dfere A\u0308pfel", "gru\u0308ne Birnen 1");
    expect(await screen.findByText(t.settings.passwordChanged)).toBeTruthy();
    const { body } = calls.find(({ headers }) => headers.get("x-amz-target")?.endsWith("ChangePassword")) ?? {};
    expect(body).toMatchObject({
      PreviousPassword: "gr\u00f6\u00dfere \u00c4pfel",
      ProposedPassword: "gr\u00fcne Birnen 1",
    });
    expect(await screen.findByRole("button", { name: t.settings.changePassword })).toBeTruthy();
  });

  it.each([
    ["an empty one", "", "long enough today", t.form.required],
    ["one too short", "whatever it was", "short", t.form.tooShort({ count: 12 })],
    ["a space at the end", "whatever it was", "long enough today ", t.form.edgeSpaces],
  ])("asks nobody for %s", async (_, current, fresh, told) => {
    const calls = await start({});
    if (current) await userEvent.type(screen.getByLabelText(t.settings.currentPassword), current);
    await userEvent.type(screen.getByLabelText(t.auth.newPassword), fresh);
    await userEvent.click(screen.getByRole("button", { name: t.auth.reset }));
    expect(await screen.findByText(told)).toBeTruthy();
    expect(calls.some(({ headers }) => headers.get("x-amz-target"))).toBe(false);
  });

  it.each([
    ["NotAuthorizedException", "Incorrect username or password.", t.auth.codes.wrongCurrentPassword],
    ["NotAuthorizedException", "Access Token has been revoked", t.auth.codes.sessionEnded],
    ["NotAuthorizedException", "Password attempts exceeded", t.auth.codes.lockedOut],
    [
      "LimitExceededException",
      "Attempt limit exceeded, please try after some time.",
      t.auth.codes.LimitExceededException,
    ],
    ["InvalidPasswordException", "Password did not conform with policy", t.auth.codes.InvalidPasswordException],
    ["PasswordHistoryPolicyViolationException", "used before", t.auth.codes.passwordUsedBefore],
    [
      "InvalidParameterException",
      "1 validation error detected: Value at 'proposedPassword'",
      t.auth.codes.passwordShape,
    ],
    ["TooManyRequestsException", "Rate exceeded", t.auth.codes.TooManyRequestsException],
    ["InternalErrorException", "Something", t.auth.failed],
  ])("refused by %s (%s) leaves the form with what to do", async (type, message, told) => {
    await start(refused(type, message));
    await fill("whatever it was", "long enough today");
    expect(await screen.findByText(told, { exact: false })).toBeTruthy();
    expect((screen.getByLabelText(t.auth.newPassword) as HTMLInputElement).value).toBe("long enough today");
  });
});

describe("the e-mail in settings", () => {
  const start = async (answers: Record<string, unknown>) => {
    signInAs("ben");
    const calls = await serve({ "GET /me": me(), ...answers });
    open("/settings");
    await userEvent.click(await screen.findByRole("button", { name: t.settings.changeEmail }));
    return calls;
  };
  const send = async (email: string) => {
    await userEvent.type(screen.getByLabelText(t.settings.newEmail), email);
    await userEvent.click(screen.getByRole("button", { name: t.auth.sendCode }));
  };
  const confirm = async (code: string) => {
    await userEvent.type(await screen.findByLabelText(t.auth.code), code);
    await userEvent.click(screen.getByRole("button", { name: t.auth.confirm }));
  };

  it("is changed by the code that went to the new address, and shown at once", async () => {
    const fresh = { ...tokens("ben"), IdToken: tokens("benno").IdToken };
    const calls = await start({
      "Cognito.UpdateUserAttributes": {},
      "Cognito.VerifyUserAttribute": {},
      "Cognito.GetTokensFromRefreshToken": { AuthenticationResult: fresh },
    });
    await send("benno@example.org");
    await confirm("123456");
    expect(await screen.findByText(t.settings.emailChanged)).toBeTruthy();
    expect(await screen.findByText(t.settings.signedInAs({ email: "benno@example.org" }))).toBeTruthy();
    const asked = calls.filter(({ headers }) => headers.get("x-amz-target")).map(({ body }) => body);
    expect(asked[0]).toMatchObject({ UserAttributes: [{ Name: "email", Value: "benno@example.org" }] });
    expect(asked[1]).toMatchObject({ AttributeName: "email", Code: "123456" });
  });

  it("asks nobody for what is no address, nor with half a code", async () => {
    const calls = await start({ "Cognito.UpdateUserAttributes": {} });
    await send("benno@");
    expect(await screen.findByText(t.form.email)).toBeTruthy();
    expect(calls.some(({ headers }) => headers.get("x-amz-target"))).toBe(false);
    await userEvent.clear(screen.getByLabelText(t.settings.newEmail));
    await send("benno@example.org");
    await confirm("123");
    expect(await screen.findByText(t.form.code({ digits: 6 }))).toBeTruthy();
  });

  it.each([
    ["AliasExistsException", "An account with the email already exists.", t.auth.codes.UsernameExistsException],
    ["InvalidParameterException", "Invalid email address format.", t.auth.codes.emailShape],
    ["CodeDeliveryFailureException", "Could not send", t.auth.codes.mailNotSent],
    ["LimitExceededException", "Attempt limit exceeded", t.auth.codes.LimitExceededException],
    ["NotAuthorizedException", "Access Token has been revoked", t.auth.codes.sessionEnded],
  ])("refused by %s (%s) says what to do and keeps the address", async (type, message, told) => {
    await start({ "Cognito.UpdateUserAttributes": refused(type, message) });
    await send("benno@example.org");
    expect(await screen.findByText(told, { exact: false })).toBeTruthy();
    expect((screen.getByLabelText(t.settings.newEmail) as HTMLInputElement).value).toBe("benno@example.org");
  });

  it.each([
    [
      "CodeMismatchException",
      "Invalid verification code provided, please try again.",
      t.auth.codes.CodeMismatchException,
    ],
    ["ExpiredCodeException", "Invalid code provided, please request a code again.", t.auth.codes.ExpiredCodeException],
    ["AliasExistsException", "An account with the email already exists.", t.auth.codes.UsernameExistsException],
    ["LimitExceededException", "Attempt limit exceeded", t.auth.codes.LimitExceededException],
  ])("a code refused by %s (%s) leaves a way on", async (type, message, told) => {
    await start({ "Cognito.UpdateUserAttributes": {}, "Cognito.VerifyUserAttribute": refused(type, message) });
    await send("benno@example.org");
    await confirm("123456");
    expect(await screen.findByText(told, { exact: false })).toBeTruthy();
    expect(screen.getByRole("button", { name: t.auth.otherEmail })).toBeTruthy();
    expect(screen.getByRole("button", { name: t.auth.resend })).toBeTruthy();
  });
});
