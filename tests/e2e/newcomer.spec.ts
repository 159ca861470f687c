/** J1: from the first look to the paid reward. */
import { expect, PASSWORD, t, test } from "./people.ts";

const SUBMISSION = "Carried up both floors, nothing scratched. The straps are back in the **cellar**.";

test("a newcomer finds a quest, signs up on the way, does it, and is paid", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Carry a sofa ${Date.now()}`;
  const path = await ana.post({ title });
  await ana.post({ title: `Carry a table ${Date.now()}` });

  const ben = await somebody("Ben");
  await ben.goto("/");
  await ben.looksRight();
  await ben.page.getByRole("link", { name: title }).click();
  await expect(ben.page.getByRole("heading", { level: 1, name: title })).toBeFocused();
  await ben.looksRight();
  await ben.page.getByRole("link", { name: t.action.claim.name }).click();
  await expect(ben.page.getByText(t.auth.intent)).toBeVisible();
  await ben.looksRight();
  await ben.page.getByRole("link", { name: t.auth.toSignUp }).click();
  await expect(ben.page.getByRole("heading", { name: t.auth.signUpTitle })).toBeFocused();
  await ben.looksRight();
  await ben.fillSignUp();
  await ben.page.reload();
  await expect(ben.page.getByText(t.auth.codeSent({ email: ben.email }))).toBeVisible();
  await ben.looksRight();

  ben.expects(/http:\/\/localhost:\d+\/$/);
  await ben.page.getByLabel(t.auth.code).fill("999999");
  await expect(ben.page.getByText(t.auth.codes.CodeMismatchException)).toBeVisible();
  await expect(ben.button(t.auth.resend)).toHaveAttribute("aria-disabled", "true");
  const code = await ben.mailedCode();
  await ben.page.getByLabel(t.auth.code).fill("");
  await ben.page.getByLabel(t.auth.code).evaluate(
    (field: HTMLInputElement, text) => {
      field.focus();
      document.execCommand("insertText", false, text);
    },
    `${code.slice(0, 3)} ${code.slice(3)}`,
  );
  // The reload has taken the password with it.
  await expect(ben.page.getByText(t.auth.confirmed)).toBeVisible();
  await ben.page.getByLabel(t.auth.password, { exact: true }).fill(PASSWORD);
  await ben.button(t.auth.signIn).click();
  await expect(ben.page.getByText(t.auth.welcomePoints({ count: 10 }))).toBeVisible();
  await ben.looksRight();
  await ben.fillWelcome();

  // The intent was kept: the claim is one press away. Cleo presses at the same moment and is too late.
  const cleo = await (await somebody("Cleo")).join();
  await cleo.goto(`${path}?do=claim`);
  await expect(cleo.button(t.action.claim.confirm)).toBeVisible();
  await expect(ben.page).toHaveURL(new RegExp(`${path}\\?do=claim`));
  await ben.looksRight();
  await ben.button(t.action.claim.confirm).click();
  await expect(ben.page.getByText(t.action.claim.done)).toBeVisible();
  cleo.expects(/\/claim/);
  await cleo.button(t.action.claim.confirm).click();
  await expect(cleo.page.getByText(t.quest.taken)).toBeVisible();
  await expect(cleo.page.getByRole("heading", { name: t.quest.similar })).toBeVisible();

  await ben.button(t.action.submit.name).click();
  const field = ben.page.getByLabel(t.action.submit.label);
  await field.fill(SUBMISSION);
  await expect(ben.page.getByText(t.common.characters({ used: SUBMISSION.length, limit: 2000 }))).toBeVisible();
  await ben.page.reload();
  await expect(field).toHaveValue(SUBMISSION);
  await ben.looksRight();
  await ben.button(t.action.submit.confirm).click();
  await expect(ben.page.getByText(t.action.submit.done)).toBeVisible();
  await expect(ben.page.getByText(t.quest.seal.waiting({ who: "Ana" }))).toBeVisible();
  await ben.looksRight();

  await ana.goto("/mine");
  await expect(ana.page.getByText(new RegExp(t.mine.need.review))).toBeVisible();
  await ana.looksRight();
  await ana.page.getByRole("link", { name: title }).click();
  await expect(ana.page.getByText("cellar")).toBeVisible();
  await ana.looksRight();
  await ana.act("attest");

  // Without a reload: the app looks again by itself.
  await expect(ben.page.getByRole("heading", { name: t.quest.thanks })).toBeVisible();
  await expect(ben.page.getByText(t.quest.rewarded({ xp: 100, reputation: 10, count: 2 }))).toBeVisible();
  await ben.looksRight();
  await ben.page.getByRole("link", { name: t.nav.me }).click();
  await expect(ben.page.getByText(t.ledger.balanced)).toBeVisible();
  for (const [figure, value] of Object.entries({ confirmedBy: 1, points: 12, xp: 100 }))
    await expect(ben.page.locator(`[data-figure=${figure}] dd`)).toHaveText(String(value));
  await ben.looksRight();
  await ben.page.getByRole("link", { name: t.me.publicProfile }).click();
  await expect(ben.page.getByRole("heading", { level: 1, name: "Ben" })).toBeVisible();
  await ben.looksRight();
});

test("filters are kept in the address, and no result is no dead end", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const word = `lawnmower${Date.now()}`;
  await ana.post({ title: `Share a ${word}`, category: "environment" });
  await ana.goto("/");
  await ana.page.getByLabel(t.discover.search).fill(word);
  await expect(ana.page).toHaveURL(new RegExp(`q=${word}`));
  await ana.page.getByRole("radio", { name: t.category.environment }).check();
  await expect(ana.page.getByRole("article")).toHaveCount(1);
  await ana.page.reload();
  await expect(ana.page.getByLabel(t.discover.search)).toHaveValue(word);
  await expect(ana.page.getByRole("radio", { name: t.category.environment })).toBeInViewport();
  await ana.page.getByRole("article").getByRole("link").click();
  await ana.page.getByRole("main").getByRole("link", { name: t.nav.discover }).click();
  await expect(ana.page.getByLabel(t.discover.search)).toHaveValue(word);
  await expect(ana.page.getByRole("article")).toHaveCount(1);
  await ana.page.getByRole("radio", { name: t.category.technical }).check();
  await expect(ana.page.getByText(t.discover.emptyFilteredTitle)).toBeVisible();
  await ana.looksRight();
  await ana.page.getByRole("link", { name: t.discover.clear }).click();
  await expect(ana.page).toHaveURL(/\/$/);

  await ana.page.getByRole("article").last().scrollIntoViewIfNeeded();
  const scrolled = () => ana.page.evaluate(() => Math.round(window.scrollY));
  const before = await scrolled();
  expect(before).toBeGreaterThan(300);
  await ana.page.getByRole("article").last().getByRole("link").click();
  await expect(ana.page.getByRole("heading", { level: 1 })).toBeFocused();
  await ana.page.goBack();
  await expect(ana.page.getByRole("heading", { level: 1, name: t.day.title })).toBeFocused();
  await expect.poll(scrolled).toBe(before);

  await ana.goto("/no/such/place");
  await expect(ana.page.getByText(t.notFound.title)).toBeVisible();
  await ana.looksRight();
});

test("a forgotten password is replaced", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.goto("/settings");
  await ana.button(t.settings.signOut).click();
  await expect(ana.page.getByText(t.settings.signedOut)).toBeVisible();
  ana.expects(/http:\/\/localhost:\d+\/$/);
  await ana.signIn("not the right passphrase");
  await expect(ana.page.getByText(t.auth.codes.NotAuthorizedException)).toBeVisible();
  await ana.page.getByRole("link", { name: t.auth.forgot }).click();
  await ana.looksRight();
  await ana.page.getByLabel(t.auth.email).fill(ana.email);
  await ana.button(t.auth.sendCode).click();
  await expect(ana.page.getByRole("heading", { name: t.auth.resetTitle })).toBeVisible();
  await ana.looksRight();
  await ana.page.getByLabel(t.auth.code).fill(await ana.mailedCode());
  await ana.page.getByLabel(t.auth.newPassword).fill(`${PASSWORD} anew`);
  await ana.button(t.auth.reset).click();
  await expect(ana.page.getByText(t.auth.resetDone)).toBeVisible();
  await ana.signIn(`${PASSWORD} anew`);
  await expect(ana.page.getByRole("link", { name: t.nav.me })).toBeVisible();
});

test("the keyboard alone is enough to sign up, find and claim", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Water the plants ${Date.now()}`;
  await ana.post({ title });
  const ben = await (await somebody("Ben")).join();
  await ben.goto("/");
  // The published document shows the quest first; a member's own link is there once the app has taken over.
  await expect(ben.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  await expect(ben.page.getByRole("link", { name: title })).toBeVisible();
  await ben.page.keyboard.press("Tab");
  await expect(ben.page.getByRole("link", { name: t.nav.skip })).toBeFocused();
  await ben.page.keyboard.press("Enter");
  const reach = async (name: string) => {
    for (let press = 0; press < 60; press++) {
      if ((await ben.page.evaluate(() => document.activeElement?.textContent)) === name) return;
      await ben.page.keyboard.press("Tab");
    }
    throw new Error(`the keyboard does not reach ${name}`);
  };
  await reach(title);
  await ben.page.keyboard.press("Enter");
  await expect(ben.page.getByRole("heading", { level: 1, name: title })).toBeFocused();
  await reach(t.action.claim.name);
  await ben.page.keyboard.press("Enter");
  await expect(ben.page.getByRole("heading", { name: t.action.claim.name })).toBeFocused();
  await reach(t.action.claim.confirm);
  await ben.page.keyboard.press("Enter");
  await expect(ben.page.getByText(t.action.claim.done)).toBeVisible();
});
