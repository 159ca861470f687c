import { fireEvent, screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { act } from "preact/test-utils";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { me, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import * as cognito from "../../api/cognito";
import { queryClient } from "../../api/queries";
import { t } from "../../lib/text";

vi.mock("../../api/cognito", async (original) => {
  const real = await original<typeof cognito>();
  const nothing = () => vi.fn(async (): Promise<unknown> => ({}));
  return {
    ...real,
    signIn: vi.fn(async () => signInAs("ana")),
    signUp: nothing(),
    confirmSignUp: nothing(),
    resendCode: nothing(),
    forgotPassword: nothing(),
    resetPassword: nothing(),
  };
});

const PASSWORD = "correct horse battery";
const refusal = (code: string) => new cognito.SignInError(code, code);

async function enter(email: string, password: string, button: string) {
  const user = userEvent.setup();
  await user.type(await screen.findByLabelText(t.auth.email), email);
  await user.type(screen.getByLabelText(/password/i, { selector: "input:not([type=checkbox])" }), password);
  await user.click(screen.getByRole("button", { name: button }));
  return user;
}

beforeEach(async () => {
  vi.clearAllMocks();
  vi.mocked(cognito.signIn).mockImplementation(async () => signInAs("ana"));
  await serve({ "GET /me": me({ userId: "ana" }), "GET /quests": { items: [] }, "GET /me/quests": { items: [] } });
});

describe("signing in", () => {
  it("comes back to where the member was", async () => {
    open(`/sign-in?next=${encodeURIComponent("/mine")}`);
    expect(await screen.findByText(t.auth.intent)).toBeTruthy();
    await enter("ana@example.org", PASSWORD, t.auth.signIn);
    await waitFor(() => expect(address()).toBe("/mine"));
    expect(cognito.signIn).toHaveBeenCalledWith("ana@example.org", PASSWORD);
  });

  it("says what is wrong before and after asking", async () => {
    open("/sign-in");
    const user = await enter("ana", "x", t.auth.signIn);
    expect(await screen.findByText(t.form.email)).toBeTruthy();
    expect(cognito.signIn).not.toHaveBeenCalled();
    vi.mocked(cognito.signIn).mockRejectedValue(refusal("NotAuthorizedException"));
    await user.type(screen.getByLabelText(t.auth.email), "@example.org");
    await user.click(screen.getByRole("button", { name: t.auth.signIn }));
    expect(await screen.findByText(t.auth.codes.NotAuthorizedException)).toBeTruthy();
  });

  it("takes both fields at once, as a password manager fills them", async () => {
    open("/sign-in");
    const email = await screen.findByLabelText(t.auth.email);
    act(() => {
      fireEvent.input(email, { target: { value: "ana@example.org" } });
      fireEvent.input(screen.getByLabelText(t.auth.password), { target: { value: PASSWORD } });
    });
    await userEvent.click(screen.getByRole("button", { name: t.auth.signIn }));
    await waitFor(() => expect(cognito.signIn).toHaveBeenCalledWith("ana@example.org", PASSWORD));
  });

  it("shows the password when asked", async () => {
    open("/sign-in");
    await userEvent.click(await screen.findByLabelText(t.auth.show));
    expect(screen.getByLabelText(t.auth.password).getAttribute("type")).toBe("text");
  });

  it("continues with the code where that was left out", async () => {
    vi.mocked(cognito.signIn).mockRejectedValueOnce(refusal("UserNotConfirmedException"));
    open("/sign-in");
    await enter("ana@example.org", PASSWORD, t.auth.signIn);
    expect(await screen.findByText(t.auth.codeSent({ email: "ana@example.org" }))).toBeTruthy();
  });
});

describe("signing up", () => {
  it("tells a former member who joins again which points are left", async () => {
    signInAs("ana");
    await serve({ "GET /me": me({ points: 3 }) });
    open("/welcome");
    expect(await screen.findByText(t.auth.welcomePoints({ count: 3 }))).toBeTruthy();
    expect(screen.getByText(t.auth.welcomeBack)).toBeTruthy();
    expect(screen.queryByText(t.auth.welcomeText)).toBeNull();
  });

  it("goes by code to the welcome, and from there to where the member was", async () => {
    open(`/sign-up?next=${encodeURIComponent("/mine")}`);
    const user = await enter("ana@example.org", PASSWORD, t.auth.signUp);
    const code = await screen.findByLabelText(t.auth.code);
    vi.mocked(cognito.confirmSignUp).mockRejectedValueOnce(refusal("CodeMismatchException"));
    await user.type(code, "000000");
    expect(await screen.findByText(t.auth.codes.CodeMismatchException)).toBeTruthy();
    await user.clear(code);
    await user.click(code);
    await user.paste(" 123 456 ");
    await waitFor(() => expect(address()).toBe(`/welcome?next=${encodeURIComponent("/mine")}`));
    expect(cognito.confirmSignUp).toHaveBeenLastCalledWith("ana@example.org", "123456");
    expect(await screen.findByText(t.auth.welcomePoints({ count: 10 }))).toBeTruthy();
    const named = me({ userId: "ana", displayName: "Ana", updatedAt: "2026-01-01T00:01:00.000Z" });
    const calls = await serve({ "PATCH /me": named, "GET /me/quests": { items: [] } });
    await user.type(screen.getByLabelText(t.auth.welcomeName), "Ana");
    await user.click(screen.getByRole("checkbox", { name: t.category.social }));
    await user.click(screen.getByRole("checkbox", { name: t.category.civic }));
    await user.click(screen.getByRole("checkbox", { name: t.category.civic }));
    await user.click(screen.getByRole("button", { name: t.auth.welcomeDone }));
    await waitFor(() => expect(address()).toBe("/mine"));
    expect(calls[0]?.body).toEqual({ displayName: "Ana", interests: ["social"], language: "en" });
  });

  it("wants a long password, and knows when the account exists", async () => {
    open("/sign-up");
    const user = await enter("ana@example.org", "short", t.auth.signUp);
    expect(await screen.findByText(t.form.tooShort({ count: 12 }))).toBeTruthy();
    vi.mocked(cognito.signUp).mockRejectedValueOnce(refusal("UsernameExistsException"));
    await user.type(screen.getByLabelText(t.auth.newPassword), " but then longer");
    await user.click(screen.getByRole("button", { name: t.auth.signUp }));
    expect(await screen.findByText(t.auth.codes.UsernameExistsException)).toBeTruthy();
    await user.click(screen.getByRole("link", { name: t.auth.signInInstead }));
    expect(await screen.findByRole("heading", { name: t.auth.signInTitle })).toBeTruthy();
    expect((screen.getByLabelText(t.auth.email) as HTMLInputElement).value).toBe("ana@example.org");
  });

  it("comes back to the code after a reload, without keeping the password, and goes on by the sign-in", async () => {
    const before = open("/sign-up");
    await enter("ana@example.org", PASSWORD, t.auth.signUp);
    await screen.findByLabelText(t.auth.code);
    before.unmount();
    expect(JSON.stringify([{ ...sessionStorage }, { ...localStorage }])).not.toContain(PASSWORD);
    open("/sign-up");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.auth.confirm }));
    expect(await screen.findByText(t.form.code({ digits: 6 }))).toBeTruthy();
    await user.type(screen.getByLabelText(t.auth.code), "123456");
    expect(await screen.findByText(t.auth.confirmed)).toBeTruthy();
    expect(cognito.confirmSignUp).toHaveBeenCalledWith("ana@example.org", "123456");
    expect(cognito.signIn).not.toHaveBeenCalled();
    await user.type(screen.getByLabelText(t.auth.password), PASSWORD);
    await user.click(screen.getByRole("button", { name: t.auth.signIn }));
    await waitFor(() => expect(address()).toBe("/welcome"));
    expect(cognito.signIn).toHaveBeenCalledWith("ana@example.org", PASSWORD);
  });

  it("does not want a spent code again when the sign-in after it fails", async () => {
    vi.mocked(cognito.signIn).mockRejectedValueOnce(refusal("network"));
    open("/sign-up");
    const user = await enter("ana@example.org", PASSWORD, t.auth.signUp);
    await user.type(await screen.findByLabelText(t.auth.code), "123456");
    expect(await screen.findByText(t.auth.confirmed)).toBeTruthy();
    expect(address()).toBe(`/sign-in?next=${encodeURIComponent("/welcome")}`);
  });

  it("lets a mistyped e-mail be corrected", async () => {
    open("/sign-up");
    const user = await enter("anna@example.org", PASSWORD, t.auth.signUp);
    await user.click(await screen.findByRole("button", { name: t.auth.otherEmail }));
    expect(((await screen.findByLabelText(t.auth.email)) as HTMLInputElement).value).toBe("anna@example.org");
  });

  it("is not shown to members, who go on", async () => {
    signInAs("ana");
    await serve({ "GET /me": me({ userId: "ana" }), "GET /me/quests": { items: [] } });
    const first = open(`/sign-in?next=${encodeURIComponent("/mine")}`);
    await waitFor(() => expect(address()).toBe("/mine"));
    first.unmount();
    const welcomed = me({ userId: "ana", updatedAt: "2026-02-01T00:00:00.000Z" });
    await serve({ "GET /me": welcomed, "GET /me/quests": { items: [] } });
    queryClient.clear();
    open(`/welcome?next=${encodeURIComponent("/mine")}`);
    await waitFor(() => expect(address()).toBe("/mine"));
  });

  it("sends the code again after a pause", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 400 });
    open("/sign-up");
    const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
    await user.type(await screen.findByLabelText(t.auth.email), "ana@example.org");
    await user.type(screen.getByLabelText(t.auth.newPassword), PASSWORD);
    await user.click(screen.getByRole("button", { name: t.auth.signUp }));
    const again = await screen.findByRole("button", { name: t.auth.resend });
    await user.click(again);
    expect(again.getAttribute("aria-disabled")).toBe("true");
    expect(screen.getByText(/possible in \d+ s/)).toBeTruthy();
    expect(cognito.resendCode).not.toHaveBeenCalled();
    for (let second = 0; second < 31; second++) await vi.advanceTimersByTimeAsync(1000);
    await user.click(again);
    expect(await screen.findByText(t.auth.resent)).toBeTruthy();
    expect(cognito.resendCode).toHaveBeenCalledWith("ana@example.org");
    vi.useRealTimers();
  });
});

describe("a forgotten password", () => {
  it("is replaced with the code from the mail, also after a reload", async () => {
    const before = open("/forgot");
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText(t.auth.email), "ana@example.org");
    await user.click(screen.getByRole("button", { name: t.auth.sendCode }));
    await screen.findByLabelText(t.auth.code);
    before.unmount();
    open("/forgot");
    await user.click(await screen.findByRole("button", { name: t.auth.reset }));
    expect(await screen.findByText(t.form.code({ digits: 6 }))).toBeTruthy();
    expect(screen.getByText(t.form.tooShort({ count: 12 }))).toBeTruthy();
    await user.type(screen.getByLabelText(t.auth.code), "654321");
    await user.type(screen.getByLabelText(t.auth.newPassword), PASSWORD);
    await user.click(screen.getByRole("button", { name: t.auth.reset }));
    await waitFor(() => expect(address()).toBe("/sign-in"));
    expect(cognito.resetPassword).toHaveBeenCalledWith("ana@example.org", "654321", PASSWORD);
    expect(await screen.findByText(t.auth.resetDone)).toBeTruthy();
  });
});
