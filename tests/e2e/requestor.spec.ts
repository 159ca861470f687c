/** J2: posting, editing, cancelling, and the review of the work. */
import { expect, t, test } from "./people.ts";

const HOSTILE = "<script>alert(1)</script> <b>Tom</b> & Jerry <3";

test("a quest is composed with a preview, posted once, edited, and cancelled with a refund", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `${HOSTILE} ${Date.now()}`;
  await ana.compose({ title, description: "See <img src=x onerror=alert(2)> and **this** <i>text</i>." });
  const preview = ana.page.getByRole("region", { name: t.compose.preview });
  await expect(preview.getByRole("heading", { level: 3, name: title })).toBeVisible();
  await expect(ana.page.getByText(t.compose.left({ count: 9 }))).toBeVisible();
  await ana.looksRight();
  await ana.button(t.compose.post).dblclick();
  await expect(ana.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  expect(await ana.page.title()).toBe(t.nav.moved({ title }));
  await expect(ana.page.locator(".prose strong")).toHaveText("this");
  await expect(ana.page.locator(".prose img, .prose script")).toHaveCount(0);
  await ana.looksRight();

  await ana.goto("/mine");
  await expect(ana.page.getByRole("article")).toHaveCount(1);
  await expect(ana.page.getByRole("link", { name: title })).toBeVisible();
  await ana.page.getByRole("link", { name: title }).click();

  await ana.page.getByRole("link", { name: t.action.edit.name }).click();
  await ana.page.getByLabel(t.compose.rewardXp).fill("90");
  await ana.button(t.common.save).click();
  await expect(ana.page.getByText(t.form.between({ min: 100, max: 1000 }))).toBeVisible();
  await ana.looksRight();
  await ana.page.getByLabel(t.compose.rewardXp).fill("150");
  await ana.page.getByLabel(t.compose.title).fill(`${title}!`);
  await ana.button(t.common.save).click();
  await expect(ana.page.getByRole("heading", { level: 1, name: `${title}!` })).toBeVisible();
  await expect(ana.page.getByText("150", { exact: true })).toBeVisible();

  await ana.act("cancel");
  await expect(ana.page.getByText(t.status.CANCELLED).first()).toBeVisible();
  await ana.goto("/me");
  await expect(ana.page.getByText(t.ledger.kind.refund)).toBeVisible();
  await expect(ana.page.getByText(t.ledger.balanced)).toBeVisible();
  await expect(ana.page.locator("[data-figure=points] dd")).toHaveText("10");
});

test("without points the button says why", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  for (let quest = 0; quest < 10; quest++) {
    const draft = { title: `Errand ${quest}`, description: "One of many small errands.", category: "other" };
    await ana.api("POST", "/quests", draft);
  }
  await ana.goto("/quests/new");
  await expect(ana.page.getByText(t.compose.tooFewPoints({ count: 1 }))).toBeVisible();
  await expect(ana.button(t.compose.post)).toHaveAttribute("aria-disabled", "true");
  await ana.looksRight();
});

test("changes are asked for, made, and confirmed", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const path = await ana.post({ title: `Paint the fence ${Date.now()}`, category: "civic" });
  // As long as a name may be, without a place to break it.
  const ben = await (await somebody("Wolfeschlegelsteinhausenbergerdorffwelchevoralterns".slice(0, 50))).join();
  await ben.goto(path);
  await ben.act("claim");
  await ben.act("submit", "One side is painted.");

  await ana.goto(path);
  await ana.act("request-changes", "The other side is still bare, please.");
  await ben.page.reload();
  await expect(ben.page.getByText("The other side is still bare, please.")).toBeVisible();
  await ben.looksRight();
  await ben.act("submit", "Both sides are painted now.");
  await ana.page.reload();
  await expect(ana.page.getByText("Both sides are painted now.")).toBeVisible();
  await ana.act("attest", "Beautiful, thank you!");
  await expect(ben.page.getByText(t.quest.seal.complete, { exact: true })).toBeVisible();
});
