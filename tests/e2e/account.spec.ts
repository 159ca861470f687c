/** J6: sessions, one's own data, and leaving. */
import { readFile } from "node:fs/promises";
import { expect, operator, PASSWORD, t, test } from "./people.ts";

/** As if an hour had passed: the access token counts as run out. */
const age = () => {
  const session = JSON.parse(localStorage.getItem("civicforge.session") ?? "{}");
  localStorage.setItem("civicforge.session", JSON.stringify({ ...session, expiresAt: 0 }));
};

test("signing out everywhere ends the session of every device", async ({ somebody }) => {
  const phone = await (await somebody("Ana")).join();
  const laptop = await somebody("Ana", { email: phone.email });
  await laptop.signIn();
  await expect(laptop.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  await laptop.goto("/settings");
  await laptop.looksRight();
  await laptop.button(t.settings.signOutEverywhere).click();
  await laptop.looksRight();
  await laptop.button(t.settings.signOutEverywhereConfirm).click();
  await expect(laptop.page.getByText(t.settings.signedOut)).toBeVisible();

  await phone.page.evaluate(age);
  phone.expects(/http:\/\/localhost:\d+\/$/);
  phone.expects(/\/api\/v1\/me/);
  await phone.goto("/mine");
  await expect(phone.page.getByText(t.banner.expired)).toBeVisible();
  await phone.looksRight();
});

test("one's data can be taken along, and the account left with time to think again", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.post({ title: `Feed the cat ${Date.now()}` });
  await ana.goto("/settings");
  const [file] = await Promise.all([ana.page.waitForEvent("download"), ana.button(t.settings.export).click()]);
  const data = JSON.parse(await readFile(await file.path(), "utf8"));
  expect(data.profile.displayName).toBe("Ana");
  expect(data.quests).toHaveLength(1);
  expect(data.ledger.map((entry: { kind: string }) => entry.kind).sort()).toEqual(["create", "welcome"]);

  await ana.button(t.settings.delete).click();
  await ana.page.getByLabel(t.settings.deletePassword).fill(PASSWORD);
  await ana.button(t.settings.deleteConfirm({ count: 14 })).click();
  await expect(ana.page.getByText(/will be deleted on/)).toBeVisible();
  await ana.looksRight();
  await ana.button(t.settings.restore).click();
  await expect(ana.page.getByText(t.settings.restored)).toBeVisible();
  await expect(ana.button(t.settings.delete)).toBeVisible();
});

test("the look can be chosen, and stays", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.goto("/settings");
  await ana.page.getByRole("radio", { name: t.settings.themes.dark }).check();
  await ana.page.reload();
  await expect(ana.page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("after the time to think again, a member is a former member, and what they gave stays", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const path = await ana.post({ title: `Wash the windows ${Date.now()}` });
  const ben = await (await somebody("Ben")).join();
  await ben.goto(path);
  await ben.act("claim");
  await ben.act("submit", "Every pane is clean again.");
  await ana.goto("/settings");
  await ana.button(t.settings.delete).click();
  await ana.page.getByLabel(t.settings.deletePassword).fill(PASSWORD);
  await ana.button(t.settings.deleteConfirm({ count: 14 })).click();
  await expect(ana.page.getByText(/will be deleted on/)).toBeVisible();
  operator("forget", ana.email);
  await ben.goto(path);
  await ben.page.getByRole("link", { name: "Former member" }).click();
  await expect(ben.page.getByRole("heading", { level: 1, name: "Former member" })).toBeVisible();
  await ben.looksRight();
  const stranger = await somebody("Ana", { email: ana.email });
  stranger.expects(/cognito|\/$/);
  await stranger.signIn();
  await expect(stranger.page.getByText(t.auth.codes.NotAuthorizedException)).toBeVisible();
});
