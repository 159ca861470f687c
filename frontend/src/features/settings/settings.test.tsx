import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { me, serve, signInAs } from "../../../test/api";
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

  it("delete the account with time to think again", async () => {
    signInAs("ben");
    const leaving = me({ deletionAt: "2026-12-24T00:00:00.000Z" });
    await serve({ "GET /me": me(), "DELETE /me": leaving, "POST /me/restore": me() });
    open("/settings");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.settings.delete }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.deleteAsk({ count: 14 })));
    await user.click(screen.getByRole("button", { name: t.common.cancel }));
    const button = await screen.findByRole("button", { name: t.settings.delete });
    await waitFor(() => expect(document.activeElement).toBe(button));
    await user.click(button);
    await user.click(await screen.findByRole("button", { name: t.settings.deleteConfirm({ count: 14 }) }));
    expect(await screen.findByText(t.settings.leaving)).toBeTruthy();
    await waitFor(() => expect(document.activeElement?.textContent).toBe(t.settings.data));
    await user.click(await screen.findByRole("button", { name: t.settings.restore }));
    expect(await screen.findByText(t.settings.restored)).toBeTruthy();
    expect(await screen.findByRole("button", { name: t.settings.delete })).toBeTruthy();
  });
});
