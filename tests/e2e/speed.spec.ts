/** Budgets on an old phone: what shows when, and that nothing moves under a finger. */
import { expect, test } from "./people.ts";
import { firstLoad, slowDown } from "./speed.mjs";

const TEXT_MS = 700;
const CARD_MS = 1_000;
const SHIFT = 0.05;

test("text and the first card are there in time, and stay where they are", async ({ browser, baseURL }) => {
  const best = await firstLoad(browser, baseURL ?? "");
  expect(best.text, "milliseconds until the first text").toBeLessThanOrEqual(TEXT_MS);
  expect(best.card, "milliseconds until the first card").toBeLessThanOrEqual(CARD_MS);
  expect(best.shift, "layout shift of the board").toBeLessThanOrEqual(SHIFT);
});

test("a quest does not move, neither for visitors nor for who posted it", async ({ somebody, browser }) => {
  const ana = await (await somebody("Ana")).join();
  const path = await ana.post({ title: `Carry a very heavy sofa up to the fifth floor ${Date.now()}` });
  for (const context of [await browser.newContext({ viewport: { width: 360, height: 740 } }), ana.context]) {
    const page = await context.newPage();
    await slowDown(page);
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1, name: "sofa" })).toBeVisible({ timeout: 30_000 });
    await page.waitForTimeout(4_000);
    const shift = await page.evaluate(() => (window as unknown as { seen: { shift: number } }).seen.shift);
    expect(
      shift,
      `layout shift of ${path} ${context === ana.context ? "as its requestor" : "as a visitor"}`,
    ).toBeLessThan(SHIFT);
    await page.close();
  }
});

test("no screen moves while it loads", async ({ somebody, browser }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.post({ title: `Carry a wardrobe down to the street ${Date.now()}` });
  const { userId } = await ana.api<{ userId: string }>("GET", "/me");
  const visitor = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const of = { member: ana.context, visitor };
  const screens: [keyof typeof of, string[]][] = [
    ["visitor", ["/sign-in", "/sign-up", "/forgot", `/people/${userId}`, "/no/such/screen"]],
    ["member", ["/", "/mine", "/inbox", "/me", `/people/${userId}`, "/settings", "/quests/new"]],
  ];
  const moved: string[] = [];
  for (const [who, paths] of screens) {
    for (const path of paths) {
      const page = await of[who].newPage();
      await slowDown(page);
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible({ timeout: 30_000 });
      await page.waitForTimeout(3_000);
      const shift = await page.evaluate(() => (window as unknown as { seen: { shift: number } }).seen.shift);
      if (shift > SHIFT) moved.push(`${path} of a ${who} by ${shift.toFixed(3)}`);
      await page.close();
    }
  }
  await visitor.close();
  expect(moved, "screens whose layout shift is above the budget").toEqual([]);
});
