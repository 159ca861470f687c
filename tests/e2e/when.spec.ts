/** J9: a quest at a time and a place, in two time zones. */
import { readFile } from "node:fs/promises";
import { expect, t, test } from "./people.ts";

test("when and where is said, found, kept among the parties, and taken along", async ({ browser, somebody }) => {
  const at = (timezoneId: string) => browser.newContext({ timezoneId, viewport: { width: 360, height: 740 } });
  const ana = await (await somebody("Ana", { context: await at("Europe/Berlin") })).join();
  const title = `Carry a shelf ${Date.now()}`;
  // The next Saturday that is not today: local noon in Berlin is the weekend in New York too.
  const saturday = new Date();
  saturday.setUTCDate(saturday.getUTCDate() + ((6 - saturday.getUTCDay() + 7) % 7));
  saturday.setUTCHours(23, 0, 0, 0);
  const day = saturday.toISOString().slice(0, 10);
  await ana.compose({ title });
  await ana.page.getByLabel(t.compose.start).fill(`${day}T21:00`);
  await ana.page.getByLabel(t.compose.end).fill(`${day}T22:00`);
  await ana.page.getByLabel(t.compose.minutes).fill("45");
  await ana.page.getByLabel(t.compose.meetingPoint).fill("Mill Lane 7, the blue door");
  await ana.looksRight();
  await ana.shot("compose");
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  const path = new URL(ana.page.url()).pathname;
  await expect(ana.page.getByText(/9:00.*10:00/)).toBeVisible();
  await expect(ana.page.getByText("Mill Lane 7, the blue door")).toBeVisible();

  const ben = await (await somebody("Ben", { context: await at("America/New_York") })).join();
  await ben.goto("/");
  await ben.page.getByLabel(t.discover.search).fill(title.split(" ").at(-1) ?? "");
  await ben.page.getByText(t.discover.weekend).click();
  await ben.page.getByText(t.discover.short).click();
  const found = ben.page.getByRole("article").filter({ hasText: title });
  await expect(found.getByText(/(3|4|2):00.*(4|5|3):00/)).toBeVisible({ timeout: 30_000 });
  await ben.goto(path);
  await expect(ben.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await expect(ben.page.getByText("Mill Lane 7, the blue door")).toBeHidden();
  await ben.act("claim");
  await expect(ben.page.getByText("Mill Lane 7, the blue door")).toBeVisible();
  await ben.looksRight();
  await ben.shot("quest-when");
  const [file] = await Promise.all([ben.page.waitForEvent("download"), ben.button(t.quest.calendar).click()]);
  expect(file.suggestedFilename()).toBe("civicforge.ics");
  const text = await readFile(await file.path(), "utf8");
  const start = await ana.page.evaluate((local) => new Date(local).toISOString(), `${day}T21:00`);
  expect(text).toContain(`DTSTART:${start.replace(/[-:]|\.000/g, "")}`);
  expect(text).toContain("Mill Lane 7");

  // To nobody else, and in no public answer.
  const cleo = await (await somebody("Cleo")).join();
  await cleo.goto(path);
  await expect(cleo.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await expect(cleo.page.getByText("Mill Lane 7, the blue door")).toBeHidden();
  expect(JSON.stringify(await cleo.api("GET", path))).not.toContain("blue door");
});
