/** J8 for a member with 300 quests, a hundred of which wait for them, and 200 pieces of news. */
import { expect, operator, t, test } from "./people.ts";
import { slowDown } from "./speed.mjs";

const FIRST_CARD_MS = 1_000;
const LOADS = 5;

test("badge, turn and my day are right for a member with 300 quests and 200 pieces of news", async ({ somebody }) => {
  const mira = await (await somebody("Mira")).join();
  operator("plenty", (await mira.api<{ userId: string }>("GET", "/me")).userId);
  await mira.goto("/");
  const waiting = mira.page.getByRole("region", { name: t.mine.yourTurn });
  await expect(waiting.getByRole("listitem")).toHaveCount(3);
  await expect(waiting.getByRole("link", { name: t.day.all({ count: 100 }) })).toBeVisible();
  for (const badge of [t.nav.waiting({ count: 100 }), t.nav.unread({ count: 100 })]) {
    await expect(mira.page.getByRole("link", { name: badge }).filter({ visible: true }).getByText("99+")).toBeVisible();
  }
  await mira.looksRight();
  await mira.shot("plenty-day");
  const shown: number[] = [];
  for (let load = 0; load < LOADS; load++) {
    const page = await mira.context.newPage();
    const factor = await slowDown(page, ".turns a[href]");
    await page.goto("/");
    await page.waitForFunction(() => (window as unknown as { seen: { card?: number } }).seen.card !== undefined);
    shown.push((await page.evaluate(() => (window as unknown as { seen: { card: number } }).seen.card)) / factor);
    await page.close();
  }
  expect(Math.min(...shown), "milliseconds until the first card of my day").toBeLessThanOrEqual(FIRST_CARD_MS);
  const { items } = await mira.api<{ items: unknown[] }>("GET", "/me/turn");
  expect(items).toHaveLength(100);
  await waiting.getByRole("link", { name: t.day.all({ count: 100 }) }).click();
  const turns = mira.page.getByRole("region", { name: t.mine.yourTurn });
  await expect(turns.getByRole("link", { name: /^Quest number/ })).toHaveCount(100);
  await mira.shot("plenty-mine");
  await mira.goto("/inbox");
  await expect(mira.page.getByRole("main").getByRole("listitem")).toHaveCount(20);
  await mira.looksRight();
  await mira.shot("plenty-inbox");
});
