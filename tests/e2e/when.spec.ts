/** J9: a quest at a time and a place, in two time zones. */
import { readFile } from "node:fs/promises";
import { expect, type Person, t, test } from "./people.ts";

/** The hour of a moment, as this person's browser writes it. */
const hour = (person: Person, moment: string) =>
  person.page.evaluate(
    (at) => new Intl.DateTimeFormat(navigator.language, { hour: "numeric", minute: "2-digit" }).format(new Date(at)),
    moment,
  );

/** The input of a `datetime-local` field for a moment, in this person's zone. */
const local = (person: Person, moment: string) =>
  person.page.evaluate((at) => {
    const date = new Date(at);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  }, moment);

test("when and where is said, found, kept among the parties, and taken along", async ({ browser, somebody }) => {
  const at = (timezoneId: string) => browser.newContext({ timezoneId, viewport: { width: 360, height: 740 } });
  const ana = await (await somebody("Ana", { context: await at("Europe/Berlin") })).join();
  const ben = await (await somebody("Ben", { context: await at("America/New_York") })).join();
  // Within the weekend that Ben's filter means: the next Saturday noon of his, or at once where it has begun.
  const start = await ben.page.evaluate(() => {
    const moment = new Date();
    const days = 6 - moment.getDay();
    if (days % 6 === 0) moment.setMinutes(moment.getMinutes() + 2, 0, 0);
    else moment.setHours(12 + days * 24, 0, 0, 0);
    return moment.toISOString();
  });
  const end = new Date(Date.parse(start) + 3_600_000).toISOString();
  const title = `Carry a shelf ${Date.now()}`;
  await ana.compose({ title });
  await ana.page.getByLabel(t.compose.start).fill(await local(ana, start));
  await ana.page.getByLabel(t.compose.end).fill(await local(ana, end));
  await ana.page.getByLabel(t.compose.minutes).fill("45");
  await ana.page.getByLabel(t.compose.meetingPoint).fill("Mill Lane 7, the blue door");
  await ana.looksRight();
  await ana.shot("compose");
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  const path = new URL(ana.page.url()).pathname;
  const times = ana.page.locator("time").filter({ hasText: (await hour(ana, start)).replace(/\s?[AP]M/, "") });
  await expect(times.first()).toBeVisible();
  await expect(ana.page.getByText("Mill Lane 7, the blue door")).toBeVisible();

  await ben.goto("/");
  await ben.page.getByLabel(t.discover.search).fill(title.split(" ").at(-1) ?? "");
  await ben.page.getByRole("checkbox", { name: t.discover.weekend }).check();
  await ben.page.getByRole("checkbox", { name: t.discover.short }).check();
  const found = ben.page.getByRole("article").filter({ hasText: title });
  await expect(found).toBeVisible({ timeout: 30_000 });
  const benHour = (await hour(ben, start)).replace(/\s?[AP]M/, "");
  expect(benHour).not.toBe((await hour(ana, start)).replace(/\s?[AP]M/, ""));
  await expect(found).toContainText(benHour);
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
  const stamp = (moment: string) => `${moment.slice(0, 17).replace(/[-:]/g, "")}00Z`;
  expect(text).toContain(`DTSTART:${stamp(start)}`);
  expect(text).toContain(`DTEND:${stamp(end)}`);
  expect(text).toContain("Mill Lane 7");

  // To nobody else, and in no public answer.
  const cleo = await (await somebody("Cleo")).join();
  await cleo.goto(path);
  await expect(cleo.page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await expect(cleo.page.getByText("Mill Lane 7, the blue door")).toBeHidden();
  expect(JSON.stringify(await cleo.api("GET", path))).not.toContain("blue door");
});
