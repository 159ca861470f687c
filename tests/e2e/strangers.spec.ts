/** J10: three members who do not know each other, and a moderator. */
import { expect, type Person, t, test } from "./people.ts";

/** The seeded moderator (ops/seed.py), named by `python -m tests.e2e`. */
const { CIVICFORGE_MODERATOR: email = "", CIVICFORGE_MODERATOR_PASSWORD: password = "" } = process.env;

const HIDDEN = "Selling things is not what this board is for.";
const REMOVED = "Insults have no place under a quest of neighbours.";
const SUSPENDED = "Two reports in one day: take a week to read the rules.";
const OBJECTION = "I was only joking, and she knows me from school.";

const idOf = async (person: Person): Promise<string> => (await person.api<{ userId: string }>("GET", "/me")).userId;

/** The edge keeps a profile for seconds: it is looked at again until it shows this. */
async function showsOn(person: Person, path: string, text: string): Promise<void> {
  await expect(async () => {
    await person.goto(path);
    await expect(person.page.getByText(text, { exact: true }).first()).toBeVisible({ timeout: 5_000 });
  }).toPass({ timeout: 60_000 });
}

/** Opens the oldest waiting report on this, and decides it with words. */
async function decide(mo: Person, text: string, measure: keyof typeof t.measure, words: string): Promise<void> {
  await mo.goto("/moderation");
  await mo.page.getByRole("article").filter({ hasText: text }).getByRole("link").first().click();
  await expect(mo.page.getByRole("heading", { name: t.moderation.evidence })).toBeVisible();
  await mo.page.getByRole("radio", { name: t.measure[measure], exact: true }).check();
  await mo.page.getByLabel(t.moderation.label).fill(words);
  await mo.button(t.moderation.decide).click();
  await expect(mo.page.getByText(t.moderation.done)).toBeVisible();
}

test("what members report is decided in words, and those concerned read and object", async ({ somebody }) => {
  test.setTimeout(600_000);
  const now = Date.now();
  const ana = await (await somebody("Ana")).join();
  const ben = await (await somebody("Ben")).join();
  const cara = await (await somebody("Cara")).join();
  const lawn = await ana.post({ title: `Mow my lawn ${now}`, category: "environment" });
  const spam = await ben.post({ title: `Buy cheap watches ${now}`, category: "other" });
  const benId = await idOf(ben);
  await ben.api("POST", `${lawn}/messages`, { text: `You lazy fool ${now}`, audience: "public" });

  // A quest, in two taps.
  await cara.goto(spam);
  await cara.button(t.report.name).click();
  await cara.button(t.report.reason.spam).click();
  await expect(cara.page.getByText(t.report.sent).first()).toBeVisible();
  // A member, with words.
  await cara.goto(`/people/${benId}`);
  await cara.button(t.report.name).click();
  await cara.page.getByLabel(t.report.words).fill(`He follows me ${now}`);
  await cara.looksRight();
  await cara.button(t.report.reason.unsafe).click();
  await expect(cara.page.getByText(t.report.sent).first()).toBeVisible();
  // A message, where it stands.
  await ana.goto(lawn);
  const said = ana.page.getByRole("listitem").filter({ hasText: `You lazy fool ${now}` });
  await said.getByRole("button", { name: t.report.name }).click();
  await said.getByRole("button", { name: t.report.reason.rude }).click();
  await expect(said.getByText(t.report.sent)).toBeVisible();
  // And Ana has had enough of him: he is told before he tries.
  await ana.goto(`/people/${benId}`);
  await ana.button(t.block.name).click();
  await ana.button(t.block.confirm).click();
  await expect(ana.page.getByText(t.block.is)).toBeVisible();
  await ben.goto(lawn);
  await expect(ben.button(t.action.claim.name)).toHaveAttribute("aria-disabled", "true");
  await expect(ben.page.getByText(t.denial.blocked).first()).toBeVisible();

  const mo = await somebody("Mo", { email });
  await mo.signIn(password);
  await mo.page.getByRole("link", { name: t.nav.moderation }).click();
  await expect(mo.page.getByRole("heading", { level: 1, name: t.moderation.title })).toBeVisible();
  await expect(mo.page.getByText(`Buy cheap watches ${now}`)).toBeVisible();
  await mo.looksRight();
  await mo.page
    .getByRole("article")
    .filter({ hasText: `You lazy fool ${now}` })
    .getByRole("link")
    .first()
    .click();
  await expect(mo.page.getByText(t.moderation.reportedMessage, { exact: true })).toBeVisible();
  await mo.looksRight();
  await decide(mo, `You lazy fool ${now}`, "remove-text", REMOVED);
  await decide(mo, `Buy cheap watches ${now}`, "hide", HIDDEN);
  await decide(mo, "Ben", "suspend", SUSPENDED);

  // What was hidden is there for nobody but its party, what was removed for nobody.
  cara.expects(/\/quests\/\w{26}/);
  await cara.goto(spam);
  await expect(cara.page.getByRole("heading", { name: t.notFound.title })).toBeVisible();
  const thread = await ana.api<{ items: { text?: string }[] }>("GET", `/me${lawn}/messages`);
  expect(thread.items.map(({ text }) => text)).toEqual([undefined]);
  await cara.goto("/reports");
  await expect(cara.page.getByText(HIDDEN)).toBeVisible();

  // Whom it concerns reads why, until when, what is still possible, and objects.
  await ben.goto("/");
  await ben.page.getByRole("link", { name: t.banner.why }).click();
  for (const words of [HIDDEN, REMOVED, SUSPENDED]) await expect(ben.page.getByText(words)).toBeVisible();
  await expect(ben.page.getByText(`He follows me ${now}`)).toHaveCount(0);
  await ben.looksRight();
  const suspension = ben.page.getByRole("article").filter({ hasText: SUSPENDED });
  await suspension.getByRole("button", { name: t.reports.object }).click();
  await ben.page.getByLabel(t.reports.objectLabel).fill(OBJECTION);
  await ben.button(t.reports.objectConfirm).click();
  await expect(ben.page.getByText(t.reports.objected)).toBeVisible();
  const other = await cara.post({ title: `Hold a ladder ${now}` });
  await ben.goto(other);
  await expect(ben.page.getByText(t.denial.suspended).first()).toBeVisible();

  // Another moderator has to look at it.
  await mo.goto("/moderation");
  await mo.page
    .getByRole("article")
    .filter({ hasText: t.reports.state.OBJECTED })
    .last()
    .getByRole("link")
    .first()
    .click();
  await expect(mo.page.getByText(OBJECTION)).toBeVisible();
  await expect(mo.page.getByText(t.moderation.denied)).toBeVisible();

  // The block can be taken back.
  await ana.goto("/settings");
  await expect(ana.page.getByRole("link", { name: "Ben" })).toBeVisible();
  await ana.button(t.block.undo).click();
  await expect(ana.page.getByText(t.block.none)).toBeVisible();
});

test("names do not deceive, moderators carry a mark, and the second quest of two people pays half", async ({
  somebody,
}) => {
  test.setTimeout(400_000);
  const mo = await somebody("Mo", { email });
  await mo.signIn(password);
  await expect(mo.page.getByRole("link", { name: t.nav.moderation })).toBeVisible();
  const moId = await idOf(mo);
  const ana = await (await somebody("Ana")).join();
  await showsOn(ana, `/people/${moId}`, t.common.moderator);

  const ben = await (await somebody("Ben")).join();
  await ben.goto("/settings");
  ben.expects(/\/api\/v1\/me/);
  await ben.page.getByLabel(t.settings.name).fill("CivicForge Moderator");
  await ben.button(t.common.save).first().click();
  await expect(ben.page.getByText(t.errors.invalid)).toBeVisible();

  for (const number of [1, 2]) {
    const path = await ana.post({ title: `Water the plants ${number} ${Date.now()}`, category: "environment" });
    await ben.goto(path);
    const half = ben.page.getByText(t.quest.pairShare({ share: 50 }));
    await expect(ben.button(t.action.claim.name)).toBeVisible();
    await expect(half).toHaveCount(number - 1);
    await ben.act("claim");
    await ben.act("submit", "All of them are watered now.");
    await ana.goto(path);
    await ana.act("attest", "They are all alive, thank you!");
  }
  await showsOn(ana, `/people/${await idOf(ben)}`, "They are all alive, thank you!");
  await ana.looksRight();
});
