import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { entry, me, person, problem, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import { sessionState } from "../../api/session";
import { t } from "../../lib/text";
import { addsUp } from "./Ledger";

describe("me", () => {
  it("shows totals and the ledger that they are the sum of", async () => {
    signInAs("ben");
    const reward = entry({
      entryId: "r",
      kind: "reward",
      questId: "q1",
      points: 2,
      xp: 100,
      reputation: 10,
      state: "PENDING",
    });
    await serve({
      "GET /me": me({ interests: ["garden"], bio: "Hello" }),
      "GET /me/ledger": { items: [reward, entry()] },
    });
    open("/me");
    expect(await screen.findByText(t.ledger.balanced)).toBeTruthy();
    expect(screen.getByText(t.ledger.state.PENDING as string)).toBeTruthy();
    expect(screen.getByRole("link", { name: t.ledger.kind.reward as string }).getAttribute("href")).toBe("/quests/q1");
    expect(screen.getByText("+100")).toBeTruthy();
  });

  it("does not claim a sum that is not there", () => {
    expect(addsUp([entry()], { points: 10, xp: 0, reputation: 0 })).toBe(true);
    expect(addsUp([entry()], { points: 9, xp: 0, reputation: 0 })).toBe(false);
    expect(addsUp([entry({ state: "HELD" })], { points: 10, xp: 0, reputation: 0 })).toBe(false);
  });
});

describe("a public profile", () => {
  it("shows the public fields", async () => {
    await serve({ "GET /users/ana": person("ana", "Ana") });
    open("/people/ana");
    expect(await screen.findByRole("heading", { level: 1, name: "Ana" })).toBeTruthy();
    expect(screen.getByText("garden")).toBeTruthy();
  });

  it("may not exist", async () => {
    await serve({ "GET /users/nobody": problem(404, "user_not_found") });
    open("/people/nobody");
    expect(await screen.findByText(t.notFound.title)).toBeTruthy();
  });
});

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

  it("switch the look", async () => {
    signInAs("ben");
    await serve({ "GET /me": me() });
    open("/settings");
    await userEvent.click(await screen.findByRole("radio", { name: t.settings.themes.dark }));
    expect(document.documentElement.dataset.theme).toBe("dark");
    await userEvent.click(screen.getByRole("radio", { name: t.settings.themes.system }));
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

  it("delete the account with time to think again", async () => {
    signInAs("ben");
    const leaving = me({ deletionAt: "2026-12-24T00:00:00.000Z" });
    await serve({ "GET /me": me(), "DELETE /me": leaving, "POST /me/restore": me() });
    open("/settings");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.settings.delete }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.deleteAsk));
    await user.click(screen.getByRole("button", { name: t.common.cancel }));
    const button = await screen.findByRole("button", { name: t.settings.delete });
    await waitFor(() => expect(document.activeElement).toBe(button));
    await user.click(button);
    await user.click(await screen.findByRole("button", { name: t.settings.deleteConfirm }));
    expect(await screen.findByText(t.settings.leaving)).toBeTruthy();
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.data));
    await user.click(await screen.findByRole("button", { name: t.settings.restore }));
    expect(await screen.findByText(t.settings.restored)).toBeTruthy();
    expect(await screen.findByRole("button", { name: t.settings.delete })).toBeTruthy();
  });
});
