/** J7: a network that goes away while the app is open, one that swallows everything, and screens that do not load. */
import net from "node:net";
import { expect, t, test } from "./people.ts";

/** A way to the stage that can swallow everything, like the wifi of a station. */
async function swallowing(stage: URL) {
  let frozen = false;
  const server = net.createServer((client) => {
    const up = net.connect(Number(stage.port), stage.hostname);
    client.on("error", () => up.destroy());
    up.on("error", () => client.destroy());
    // The stage answers to its own address alone, so the way there speaks of that one.
    const toStage = (data: Buffer) => data.toString("latin1").replaceAll(`localhost:${port()}`, stage.host);
    client.on("data", (data) => frozen || up.write(toStage(data), "latin1"));
    up.on("data", (data) => frozen || client.write(new Uint8Array(data)));
    client.on("end", () => up.end());
    up.on("end", () => client.end());
  });
  const port = () => (server.address() as net.AddressInfo).port;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${port()}`,
    freeze: (value: boolean) => {
      frozen = value;
    },
    close: () => server.close(),
  };
}

test("going offline in an open tab is told, a write fails with its text kept, and is never sent later", async ({
  somebody,
}) => {
  const ana = await (await somebody("Ana")).join();
  const path = await ana.post({ title: `Hold the ladder ${Date.now()}` });
  await ana.page.getByRole("link", { name: t.nav.mine }).click();
  await expect(ana.page.getByRole("article")).toHaveCount(1);
  await ana.page.getByRole("link", { name: t.nav.create }).click();
  await ana.page.getByLabel(t.compose.title).fill("Hold another ladder");
  await ana.page.getByRole("radio", { name: t.category.social }).check();
  await ana.page.getByLabel(t.compose.description).fill("Somebody to hold the ladder, half an hour.");
  const writes: string[] = [];
  ana.page.on("request", (request) => {
    if (request.method() !== "GET" && request.url().includes("/api/v1")) writes.push(request.url());
  });
  ana.expects(/\/(api|published)\/|config\.json|assets/);
  await ana.context.setOffline(true);
  await expect(ana.page.getByText(t.banner.unreachable)).toBeVisible();
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByText(t.errors.network)).toBeVisible({ timeout: 10_000 });
  await expect(ana.page.getByLabel(t.compose.title)).toHaveValue("Hold another ladder");
  await ana.looksRight();

  await ana.page.getByRole("link", { name: t.nav.mine }).click();
  await expect(ana.page.getByRole("article")).toHaveCount(1);
  await expect(ana.page.getByText(/As of/)).toBeVisible();
  await ana.page.getByRole("article").getByRole("link").click();
  await expect(ana.page).toHaveURL(new RegExp(path));
  await expect(ana.page.getByRole("heading", { level: 1 })).toContainText("Hold the ladder");
  await ana.looksRight();

  await ana.context.setOffline(false);
  await expect(ana.page.getByText(t.banner.unreachable)).toBeHidden();
  await ana.page.waitForTimeout(3_000);
  expect(writes).toEqual([]);
  await expect(ana.page).toHaveURL(new RegExp(path));
});

test("a network that swallows everything is treated alike", async ({ somebody, baseURL }) => {
  const way = await swallowing(new URL(baseURL ?? ""));
  try {
    const ben = await somebody("Ben");
    await ben.goto(`${way.origin}/`);
    await expect(ben.page.getByRole("article").first()).toBeVisible();
    await ben.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await ben.page.waitForFunction(() => !!navigator.serviceWorker.controller);
    ben.expects(/\/(api|published)\/|config\.json/);
    way.freeze(true);
    await ben.page.reload();
    await expect(ben.page.getByRole("heading", { level: 1, name: t.discover.title })).toBeVisible({ timeout: 15_000 });
    await expect(ben.page.getByText(t.banner.unreachable)).toBeVisible({ timeout: 20_000 });
  } finally {
    way.close();
  }
});

test("a screen whose code does not come says so, and loads when asked again", async ({ somebody, browser }) => {
  // A service worker that is done before the click has the code already, and no route sees what it answers.
  const ben = await somebody("Ben", { context: await browser.newContext({ serviceWorkers: "block" }) });
  ben.expects(/assets|\/$|Service Worker registration blocked/);
  await ben.page.route("**/assets/SignInScreen-*.js", (route) => route.fulfill({ status: 403, body: "" }));
  await ben.goto("/");
  await ben.page.getByRole("link", { name: t.nav.signIn }).click();
  await expect(ben.page.getByRole("heading", { name: t.errors.screenTitle })).toBeFocused();
  await ben.looksRight();
  await ben.page.unroute("**/assets/SignInScreen-*.js");
  await ben.button(t.common.retry).click();
  await expect(ben.page.getByRole("heading", { name: t.auth.signInTitle })).toBeVisible();
});

test("another member in another tab sees nothing of the former one", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.goto("/me");
  await expect(ana.page.getByRole("heading", { level: 1, name: "Ana" })).toBeVisible();
  const ben = await (await somebody("Ben")).join();
  const other = await somebody("Ben", { email: ben.email, context: ana.context });
  other.expects(/http:\/\/localhost:\d+\/$/);
  ana.expects(/\/api\/v1\/me/);
  await other.goto("/settings");
  await other.button(t.settings.signOut).click();
  await expect(other.page.getByText(t.settings.signedOut)).toBeVisible();
  await expect(ana.page.getByRole("heading", { level: 1, name: "Ana" })).toBeHidden();
  await other.signIn();
  await expect(other.page.getByRole("link", { name: t.nav.me })).toBeVisible();
  await other.goto("/me");
  await expect(other.page.getByRole("heading", { level: 1, name: "Ben" })).toBeVisible();
  await ana.page.goto("/me");
  await expect(ana.page.getByRole("heading", { level: 1, name: "Ben" })).toBeVisible();
  const stored = await ana.page.evaluate(() => JSON.stringify(localStorage));
  expect(stored).not.toContain(ana.email);
  await ben.context.close();
});
