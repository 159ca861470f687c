/** J3: a disagreement, decided by a moderator who takes no part in it. */
import { expect, operator, t, test } from "./people.ts";

/** The seeded moderator (ops/seed.py), named by `python -m tests.e2e`. */
const { CIVICFORGE_MODERATOR: email = "", CIVICFORGE_MODERATOR_PASSWORD: password = "" } = process.env;

test("both see the dispute, a moderator decides, and a party cannot", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Mow the lawn ${Date.now()}`;
  const path = await ana.post({ title, category: "environment" });
  const ben = await (await somebody("Ben")).join();
  await ben.goto(path);
  await ben.act("claim");
  await ben.act("submit", "The lawn is as short as it can be.");

  await ana.goto(path);
  await ana.button(t.action.dispute.name).click();
  await expect(ana.page.getByText(t.action.dispute.ask)).toBeVisible();
  await ana.looksRight();
  await ana.page.getByLabel(t.action.dispute.label).fill("Half of it was never mowed at all.");
  await ana.button(t.action.dispute.confirm).click();
  await expect(ana.page.getByText(t.status.DISPUTED)).toBeVisible();
  await expect(ben.page.getByText(t.status.DISPUTED)).toBeVisible();
  await expect(ben.page.getByText("Half of it was never mowed at all.")).toBeVisible();
  await ben.looksRight();
  await ben.page.reload();
  await ben.act("state", "All of it was mowed, and raked as well.");

  const mo = await somebody("Mo", { email });
  await mo.signIn(password);
  await expect(mo.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  await mo.goto("/mine");
  await mo.page.getByRole("link", { name: title }).click();
  await mo.button(t.action.resolve.name).click();
  await mo.page.getByRole("radio", { name: t.action.resolve.outcomes.COMPLETE }).check();
  await mo.page.getByLabel(t.action.resolve.label).fill("The photographs show a mowed lawn.");
  await mo.looksRight();
  await mo.button(t.action.resolve.confirm).click();
  await expect(mo.page.getByText(t.action.resolve.done)).toBeVisible();

  for (const party of [ana, ben]) {
    await expect(party.page.getByText("The photographs show a mowed lawn.")).toBeVisible();
    await expect(party.page.getByText(t.status.COMPLETE, { exact: true }).first()).toBeVisible();
  }
  await expect(ben.page.getByText(t.quest.rewarded({ xp: 100, reputation: 10, count: 2 }))).toBeVisible();
  await expect(ben.page.getByText(t.quest.seal.decided)).toBeVisible();
  await expect(ben.page.getByText(t.quest.seal.waiting({ who: "Ana" }))).toBeHidden();
  await ben.looksRight();
});

test("nobody decides before the other side has spoken or three days have passed", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Wash the windows ${Date.now()}`;
  const path = await ana.post({ title, category: "social" });
  const ben = await (await somebody("Ben")).join();
  await ben.goto(path);
  await ben.act("claim");
  await ben.act("submit", "Both sides of every window.");
  await ben.act("dispute", "She says that there never were windows.");

  const mo = await somebody("Mo", { email });
  await mo.signIn(password);
  await expect(mo.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  await mo.goto(path);
  await expect(mo.page.getByText(t.status.DISPUTED)).toBeVisible();
  await expect(mo.button(t.action.resolve.name)).toHaveCount(0);
  await mo.page.getByText(t.quest.denied).click();
  await expect(mo.page.getByText(t.denial.not_heard)).toBeVisible();

  // Ana says nothing, and looks at nothing by which she would be told: days pass.
  await ana.goto("/settings");
  operator("age", `${path.split("/").at(-1)}+2`);
  await mo.page.reload();
  await expect(mo.page.getByText(t.status.DISPUTED)).toBeVisible();
  await expect(mo.button(t.action.resolve.name)).toHaveCount(0);
  operator("age", `${path.split("/").at(-1)}+1`);
  await mo.page.reload();
  await mo.button(t.action.resolve.name).click();
  await expect(mo.page.getByRole("radio", { checked: true })).toHaveCount(0);
  await mo.page.getByRole("radio", { name: t.action.resolve.outcomes.CANCELLED }).check();
  await mo.page.getByLabel(t.action.resolve.label).fill("Nobody can show that there are windows.");
  await mo.button(t.action.resolve.confirm).click();
  await expect(mo.page.getByText(t.action.resolve.done)).toBeVisible();
  await ana.mailed(/decided/);
  await ana.goto(path);
  await expect(ana.page.getByText("Nobody can show that there are windows.")).toBeVisible();
  await expect(ana.page.getByText(t.quest.saidNothing)).toBeVisible();
});

test("a moderator who is a party cannot decide", async ({ somebody }) => {
  const mo = await somebody("Mo", { email });
  await mo.signIn(password);
  await expect(mo.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  const path = await mo.post({ title: `Sort the books ${Date.now()}`, category: "education" });
  const ben = await (await somebody("Ben")).join();
  await ben.goto(path);
  await ben.act("claim");
  await ben.act("submit", "Sorted by colour, as one does.");
  await ben.act("dispute", "I hear that alphabetical was meant.");
  await mo.page.reload();
  await expect(mo.page.getByText(t.status.DISPUTED)).toBeVisible();
  await expect(mo.button(t.action.resolve.name)).toHaveCount(0);
  await mo.page.getByText(t.quest.denied).click();
  await expect(mo.page.getByText(t.denial.party_cannot_judge)).toBeVisible();
});
