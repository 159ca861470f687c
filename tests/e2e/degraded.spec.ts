/** J7: what remains when something is missing. */
import { expect, operator, t, test } from "./people.ts";

test("offline, the page opens with the list that it remembers", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  const title = `Wind the clock ${Date.now()}`;
  await ana.post({ title });
  // The edge may still have the list of a few seconds ago.
  await expect(async () => {
    await ana.goto("/");
    await expect(ana.page.getByRole("link", { name: title })).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 15_000 });
  await ana.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  ana.expects(/\/api\//);
  ana.expects(/config\.json/);
  await ana.context.setOffline(true);
  await ana.page.reload();
  await expect(ana.page.getByRole("link", { name: title })).toBeVisible();
  await expect(ana.page.getByText(t.banner.unreachable)).toBeVisible();
  await expect(ana.page.getByText(/As of/)).toHaveCount(2);
  await ana.looksRight();
  await ana.context.setOffline(false);
  await ana.page.reload();
  await expect(ana.page.getByText(t.banner.unreachable)).toBeHidden();
});

test("without JavaScript the board leads to a quest whose words can be read", async ({ somebody, browser }) => {
  const title = `Sort old photos ${Date.now()}`;
  await (await (await somebody("Ana")).join()).post({ title });
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const link = page.getByRole("link", { name: title });
  await expect(async () => {
    await page.goto("/");
    await expect(link).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  await link.click();
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
  await expect(page.locator(".prose")).not.toBeEmpty();
  for (const fact of ["Reward", "Asked by", "Open until"]) await expect(page.getByText(fact)).toBeVisible();
  await context.close();
});

test.afterEach(() => {
  operator("breaker", "closed");
});

test("with the API down, reading goes on and writing keeps the text", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.post({ title: `Find the key ${Date.now()}` });
  await ana.compose({ title: "Find the other key" });
  ana.expects(/\/api\//);
  await ana.page.route("**/api/**", (route) => route.fulfill({ status: 502, body: "" }));
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByText(t.errors.server)).toBeVisible();
  await expect(ana.page.getByText(t.banner.unreachable)).toBeVisible();
  await ana.looksRight();
  await ana.page.unroute("**/api/**");
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByRole("heading", { level: 1, name: "Find the other key" })).toBeVisible();
});

test("a session that ends in mid-form keeps the text", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.compose({ title: "A title that took long to find" });
  await ana.page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("civicforge.session") ?? "{}");
    localStorage.setItem("civicforge.session", JSON.stringify({ ...session, expiresAt: 0, refreshToken: "gone" }));
  });
  ana.expects(/http:\/\/localhost:\d+\/$/);
  ana.expects(/\/api\/v1\/(me|quests)/);
  await ana.page.reload();
  await expect(ana.page.getByText(t.banner.expired)).toBeVisible();
  await expect(ana.page.getByLabel(t.compose.title)).toHaveValue("A title that took long to find");
  await ana.page.getByRole("main").getByRole("link", { name: t.nav.signIn }).click();
  await ana.signIn();
  await expect(ana.page.getByLabel(t.compose.title)).toHaveValue("A title that took long to find");
  await ana.button(t.compose.post).click();
  await expect(ana.page.getByRole("heading", { level: 1, name: "A title that took long to find" })).toBeVisible();
});

test("an answer that is invalid ends in a way on, with the request id", async ({ somebody }) => {
  const ana = await somebody("Ana");
  const nonsense = { title: "Half an answer", createdAt: "the day before" };
  await ana.page.route("**/api/v1/**", (route) =>
    route.fulfill({ json: nonsense, headers: { "x-request-id": "request-42" } }),
  );
  await ana.goto("/quests/00000000000000000000000000");
  await expect(ana.page.getByText(t.errors.requestId({ id: "request-42" }))).toBeVisible();
  await expect(ana.button(t.errors.reload)).toBeVisible();
  await ana.looksRight();
});

test("on a slow network and an old phone the first quest shows within ten seconds", async ({ somebody }) => {
  const ana = await (await somebody("Ana")).join();
  await ana.post({ title: `Tune the piano ${Date.now()}` });
  const ben = await somebody("Ben");
  const devtools = await ben.context.newCDPSession(ben.page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await devtools.send("Network.enable");
  const kilobytes = (1.6 * 1024 * 1024) / 8;
  const conditions = { offline: false, latency: 150, downloadThroughput: kilobytes, uploadThroughput: kilobytes };
  await devtools.send("Network.emulateNetworkConditions", conditions);
  const start = Date.now();
  await ben.goto("/");
  await expect(ben.page.getByRole("article").first()).toBeVisible();
  expect(Date.now() - start).toBeLessThan(10_000);
});

test("an open breaker shows as a banner within half a minute, and goes with what it kept away", async ({
  somebody,
}) => {
  const ana = await (await somebody("Ana")).join();
  await ana.goto("/");
  operator("breaker", "read-only");
  await expect(ana.page.getByText(t.banner.paused)).toBeVisible({ timeout: 40_000 });
  await ana.looksRight();

  ana.expects(/\/api\/v1\//);
  operator("breaker", "down");
  await expect(ana.page.getByText(t.banner.closed)).toBeVisible({ timeout: 40_000 });
  await ana.page.getByRole("link", { name: t.nav.mine }).click();
  await expect(ana.page.getByText(t.errors.paused)).toBeVisible();
  await ana.looksRight();
  operator("breaker", "closed");
  await expect(ana.page.getByText(t.banner.closed)).toBeHidden({ timeout: 40_000 });
  await expect(ana.page.getByText(t.mine.emptyAsked)).toBeVisible();
  await expect(ana.page.getByText(t.errors.paused)).toBeHidden();
});
