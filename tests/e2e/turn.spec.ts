/** J8: one side away, the other at work; mails, badge, a thread, and silence that ends. */
import { textOf } from "../../frontend/src/lib/text.ts";
import de from "../../frontend/src/words/de/index.ts";
import { expect, operator, type Person, shotOf, t, test } from "./people.ts";

/** The address of a mail's one button. */
const buttonOf = (html: string): string => {
  const hrefs = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => (href ?? "").replaceAll("&amp;", "&"));
  return hrefs.find((href) => !/settings|unsubscribe/.test(href)) ?? "";
};

async function signOut(person: Person, text: typeof t): Promise<void> {
  await person.goto("/settings");
  // What is on its way when the session ends is refused, as it should be.
  await person.page.waitForLoadState("networkidle");
  await person.button(text.settings.signOut).click();
  await expect(person.page.getByText(text.settings.signedOut)).toBeVisible();
}

test("whose turn it is reaches them by mail, badge and my day; silence confirms", async ({ browser, somebody }) => {
  test.setTimeout(300_000);
  const german = textOf(de, "de");
  const mira = await (await somebody("Mira")).join();
  await mira.goto("/settings");
  await mira.page.getByRole("radio", { name: "Deutsch" }).click();
  await expect(mira.page.locator("html")).toHaveAttribute("lang", "de");
  await expect.poll(async () => (await mira.api<{ language: string }>("GET", "/me")).language).toBe("de");
  const title = `Fix the gate ${Date.now()}`;
  const { questId } = await mira.api<{ questId: string }>("POST", "/quests", {
    title,
    description: "It squeaks. Bring oil, I have the rest.",
    category: "technical",
  });
  const path = `/quests/${questId}`;
  await signOut(mira, german);

  const jonas = await (await somebody("Jonas")).join();
  await jonas.goto(path);
  await jonas.act("claim");
  await jonas.page.getByLabel(t.thread.message).fill("Can I come at nine?");
  await jonas.button(t.thread.send).click();
  await expect(jonas.page.getByRole("log").getByText("Can I come at nine?")).toBeVisible();
  await jonas.page.getByLabel(t.thread.message).fill("Or at ten?");
  await jonas.button(t.thread.send).click();
  await expect(jonas.page.getByRole("log").getByText("Or at ten?")).toBeVisible();
  await jonas.looksRight();
  await jonas.shot("quest-claimed");
  await jonas.act("submit", "Oiled both hinges, it opens like a dream.");

  const claimed = await mira.mailed(/Jonas übernimmt/);
  const handedIn = await mira.mailed(/Jonas hat .* eingereicht/);
  const written = await mira.mailed(/Jonas hat dir .* geschrieben/);
  // One mail for the whole thread until it is read.
  expect((await mira.mails()).filter(({ subject }) => /geschrieben/.test(subject))).toHaveLength(1);
  for (const mail of [claimed, handedIn]) expect(buttonOf(mail.html)).toContain(path);

  await mira.goto(new URL(buttonOf(handedIn.html)).pathname);
  await mira.page.getByRole("link", { name: german.nav.signIn }).first().click();
  await mira.page.getByLabel(german.auth.email).fill(mira.email);
  await mira.page.getByLabel(german.auth.password, { exact: true }).fill("a long enough passphrase");
  await mira.button(german.auth.signIn).click();
  await expect(mira.page.getByRole("link", { name: german.nav.me, exact: true })).toBeVisible();
  await mira.goto("/");
  const waiting = mira.page.getByRole("region", { name: german.mine.yourTurn });
  await expect(waiting.getByRole("link", { name: title })).toBeVisible();
  await expect(mira.page.getByRole("navigation").getByText("1", { exact: true })).toBeVisible();
  await mira.looksRight();
  await mira.shot("my-day-de");
  await mira.page.getByRole("banner").getByRole("link", { name: german.nav.inbox }).click();
  await expect(mira.page.getByRole("main").getByRole("link", { name: title })).toHaveCount(4);
  await mira.looksRight();
  await mira.shot("inbox-de");
  await expect(mira.page.getByText(german.nav.unread({ count: 4 }))).toBeHidden();

  // She answers while both look.
  await mira.goto(path);
  await mira.page.getByLabel(german.thread.message).fill("Neun passt.");
  await mira.button(german.thread.send).click();
  await expect(jonas.page.getByRole("log").getByText("Neun passt.")).toBeVisible({ timeout: 5_000 });
  await mira.shot("review-de");

  // She does nothing more, and has no screen open on which she would read of it: days pass.
  await mira.goto("/settings");
  operator("age", `${questId}+3`);
  await mira.mailed(/wartet auf dein Wort/);
  operator("age", `${questId}+3`);
  await expect
    .poll(async () => (await mira.mails()).filter(({ subject }) => /wartet auf dein Wort/.test(subject)).length, {
      timeout: 30_000,
    })
    .toBe(2);
  operator("age", `${questId}+1`);
  await expect(jonas.page.getByText(t.status.COMPLETE, { exact: true }).first()).toBeVisible({ timeout: 30_000 });
  await expect(jonas.page.getByText(t.quest.rewarded({ xp: 100, reputation: 10, count: 2 }))).toBeVisible();
  await jonas.goto("/inbox");
  await expect(jonas.page.getByRole("link", { name: /You earned 100 XP/ })).toBeVisible();
  const last = await mira.mailed(/gilt als bestätigt/);

  // One click, without signing in.
  const stranger = await browser.newContext({ locale: "de-DE" });
  const page = await stranger.newPage();
  const leave = [...last.html.matchAll(/href="([^"]*unsubscribe[^"]*)"/g)][0]?.[1]?.replaceAll("&amp;", "&") ?? "";
  await page.goto(new URL(leave).pathname + new URL(leave).search);
  await expect(page.getByText(german.unsubscribe.done)).toBeVisible();
  await stranger.close();
  expect((await mira.api<{ mail: string }>("GET", "/me")).mail).toBe("never");
  for (const [number, mail] of [claimed, handedIn, written, last].entries())
    await shotOf(browser, mail, `mail-${number}`);
});

test("what was called off stays with the reason, and in Arabic too", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Rake the leaves ${Date.now()}`;
  const path = await ana.post({ title, category: "environment" });
  const ben = await (await somebody("Ben")).join();
  await ben.goto(path);
  await ben.act("claim");
  // An open page shows the claim.
  await expect(ana.page.getByText(t.status.CLAIMED).first()).toBeVisible({ timeout: 10_000 });
  await ana.act("withdraw", "The storm has taken them all away already.");
  await ben.goto("/mine");
  const helped = ben.page.getByRole("region", { name: t.mine.part.performer });
  await expect(helped.getByText(t.mine.former.withdrawn)).toBeVisible();
  await expect(helped.getByText("The storm has taken them all away already.")).toBeVisible();
  await ben.looksRight();
  await ben.goto("/settings");
  await ben.page.getByRole("radio", { name: "العربية" }).click();
  await expect(ben.page.locator("html")).toHaveAttribute("dir", "rtl");
  for (const [name, address] of [
    ["day", "/"],
    ["inbox", "/inbox"],
    ["mine", "/mine"],
    ["quest", path],
    ["settings", "/settings"],
  ] as const) {
    await ben.goto(address);
    await expect(ben.page.getByRole("heading", { level: 1 })).toBeVisible();
    await ben.looksRight();
    await ben.shot(`ar-${name}`);
  }
});
