/** J12: each language, at both sizes, light and dark; the browser's first, a choice kept. */
import { textOf } from "../../frontend/src/lib/text.ts";
import ar from "../../frontend/src/words/ar/index.ts";
import de from "../../frontend/src/words/de/index.ts";
import { expect, PASSWORD, shotOf, test } from "./people.ts";

test("the browser's language first, then the member's choice, which stays", async ({ browser, somebody }) => {
  const german = textOf(de, "de");
  const arabic = textOf(ar, "ar");
  const context = await browser.newContext({ locale: "de-AT", viewport: { width: 360, height: 740 } });
  await context.grantPermissions(["notifications"]);
  const jo = await somebody("Jo", { context });
  await jo.goto("/");
  await expect(jo.page.getByRole("heading", { level: 1, name: german.discover.title })).toBeVisible();
  await expect(jo.page.locator("html")).toHaveAttribute("lang", "de");
  await jo.looksRight();
  await jo.page.getByRole("link", { name: german.nav.signIn }).first().click();
  await jo.page.getByLabel(german.auth.email).fill("mira@example.org");
  await jo.page.getByLabel(german.auth.password, { exact: true }).fill("sofa-bench-garden");
  await jo.button(german.auth.signIn).click();
  await expect(jo.page.getByRole("link", { name: german.nav.me, exact: true })).toBeVisible();
  await jo.goto("/settings");
  await expect(jo.page.getByRole("group", { name: german.settings.push.name })).toBeVisible();
  await jo.shot("settings-de");
  await jo.page.getByRole("radio", { name: "العربية" }).click();
  await expect(jo.page.locator("html")).toHaveAttribute("dir", "rtl");
  await expect(jo.page.getByRole("group", { name: arabic.settings.push.name })).toBeVisible();
  await jo.shot("settings-ar");
  for (const path of ["/settings", "/", "/mine", "/me", "/quests/new"]) {
    await jo.goto(path);
    await expect(jo.page.locator("html")).toHaveAttribute("dir", "rtl");
    await jo.looksRight();
  }
  await expect(jo.page.getByRole("link", { name: arabic.nav.me })).toBeVisible();
  // The seeded member keeps English for the journeys that follow.
  await jo.goto("/settings");
  await jo.page.getByRole("radio", { name: "English" }).click();
  await expect(jo.page.locator("html")).toHaveAttribute("dir", "ltr");
});

test("a code comes in the language of the page that asked for it", async ({ browser, somebody }) => {
  const german = textOf(de, "de");
  const arabic = textOf(ar, "ar");
  const context = await browser.newContext({ locale: "de-AT", viewport: { width: 360, height: 740 } });
  const jo = await somebody("Jo", { context });
  await jo.goto("/sign-up");
  await jo.page.getByLabel(german.auth.email).fill(jo.email);
  await jo.page.getByLabel(german.auth.newPassword).fill(PASSWORD);
  await jo.button(german.auth.signUp).click();
  await expect(jo.page.getByRole("heading", { name: german.auth.codeTitle })).toBeFocused();
  const welcome = await jo.codeMail();
  expect(welcome.html).toContain('<html lang="de" dir="ltr">');
  expect(welcome.subject).toBe("Dein Code für CivicForge");
  await jo.page.getByLabel(german.auth.code).fill(welcome.code);
  await jo.page.getByLabel(german.auth.welcomeName).fill("Jo");
  await jo.button(german.auth.welcomeDone).click();
  await expect(jo.page.getByRole("heading", { name: german.auth.welcomeTitle })).toBeHidden();

  await jo.goto("/settings");
  await jo.page.getByRole("radio", { name: "العربية" }).click();
  await expect(jo.page.locator("html")).toHaveAttribute("dir", "rtl");
  const next = `new-${jo.email}`;
  await jo.button(arabic.settings.changeEmail).click();
  await jo.page.getByLabel(arabic.settings.newEmail).fill(next);
  await jo.button(arabic.auth.sendCode).click();
  await expect(jo.page.getByLabel(arabic.auth.code)).toBeVisible();
  const changed = await jo.codeMail(next);
  expect(changed.html).toContain('<html lang="ar" dir="rtl">');
  await jo.page.getByLabel(arabic.auth.code).fill(changed.code);
  await jo.button(arabic.auth.confirm).click();
  await expect(jo.page.getByText(arabic.settings.signedInAs({ email: next }))).toBeVisible();
  await shotOf(browser, welcome, "code-de");
  await shotOf(browser, changed, "code-ar");
});
