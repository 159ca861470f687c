/** J12: each language, at both sizes, light and dark; the browser's first, a choice kept. */
import { textOf } from "../../frontend/src/lib/text.ts";
import ar from "../../frontend/src/words/ar/index.ts";
import de from "../../frontend/src/words/de/index.ts";
import { expect, test } from "./people.ts";

test("the browser's language first, then the member's choice, which stays", async ({ browser, somebody }) => {
  const german = textOf(de, "de");
  const arabic = textOf(ar, "ar");
  const context = await browser.newContext({ locale: "de-AT", viewport: { width: 360, height: 740 } });
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
  await jo.page.getByRole("radio", { name: "العربية" }).click();
  await expect(jo.page.locator("html")).toHaveAttribute("dir", "rtl");
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
