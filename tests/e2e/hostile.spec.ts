/**
 * A hostile page in the developer's own browser, on this machine and under a name that was made to point to it: it
 * reads no mail, makes nothing on the emulated AWS, resets nothing.
 */

import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, expect, type Page, test } from "@playwright/test";

const CHROMIUM = "/usr/bin/chromium";
const FRONT = process.env.CIVICFORGE_URL ?? "";
const AWS = process.env.AWS_ENDPOINT_URL ?? "";
const REBOUND = "rebound.evil.example";
const QUEUE = "hostile-queue";

const signed = (service: string, key: string): string =>
  `AWS4-HMAC-SHA256 Credential=${key}/20261127/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`;

let server: Server;
let browser: Browser;

test.beforeAll(async () => {
  server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<h1>Win a prize</h1>"));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  browser = await chromium.launch({
    ...(existsSync(CHROMIUM) ? { executablePath: CHROMIUM } : {}),
    args: ["--no-sandbox", `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`],
  });
});

test.afterAll(async () => {
  await browser.close();
  server.close();
});

/** Reads by a request of the app: the answer's text where there was one that it may see. */
const read = (page: Page, url: string, init: RequestInit = {}): Promise<string | null> =>
  page.evaluate(
    async ([address, options]) => {
      try {
        const answer = await fetch(address, options);
        return answer.ok ? await answer.text() : null;
      } catch {
        return null;
      }
    },
    [url, init] as const,
  );

const QUERY = `Action=CreateQueue&QueueName=${QUEUE}&Version=2012-11-05`;
const CREDENTIAL = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20261127%2Fus-east-1%2Fsqs%2Faws4_request&X-Amz-Date=20261127T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=${"0".repeat(64)}`;

async function attack(page: Page): Promise<void> {
  for (const address of ["/_local/mailbox?format=json", "/_local/", "/_ministack/ses/messages", "/_local/health"]) {
    for (const origin of [FRONT, FRONT.replace("localhost", "127.0.0.1"), AWS]) {
      expect(await read(page, origin + address), origin + address).toBeNull();
    }
  }
  const asked = { method: "POST", body: QUERY, headers: { "content-type": "application/x-www-form-urlencoded" } };
  const keys = ["test", "000000000000", ""];
  for (const key of keys) {
    await read(page, AWS, { ...asked, headers: { ...asked.headers, authorization: signed("sqs", key) } });
    await read(page, `${AWS}/2015-03-31/functions`, {
      method: "POST",
      headers: { authorization: signed("lambda", key), "content-type": "application/json" },
      body: JSON.stringify({ FunctionName: "hostile", Runtime: "python3.13", Role: "x", Handler: "x", Code: {} }),
    });
  }
  await read(page, `${AWS}/?${QUERY}&${CREDENTIAL}`, { mode: "no-cors" });
  for (const origin of [FRONT, AWS]) {
    for (const address of ["/_ministack/reset", "/_local/save", "/_ministack/config"]) {
      await read(page, origin + address, { method: "POST", mode: "no-cors", body: "{}" });
    }
  }
  // Without JavaScript: a picture, a frame, a form.
  await page.evaluate(
    ([picture, frame]) => {
      document.body.append(Object.assign(new Image(), { src: picture }));
      document.body.append(Object.assign(document.createElement("iframe"), { src: frame, id: "frame" }));
    },
    [`${AWS}/?${QUERY}&${CREDENTIAL}`, `${FRONT}/_local/mailbox`] as const,
  );
  await page.waitForTimeout(500);
  const framed = page.frames().find((frame) => frame !== page.mainFrame());
  expect((await framed?.content()) ?? "").not.toContain("local console");
  const home = page.url();
  const move = "do=on&amount=9&unit=days";
  const typed = { "content-type": "application/x-www-form-urlencoded" };
  await read(page, `${FRONT}/_local/clock`, { method: "POST", mode: "no-cors", body: move, headers: typed });
  for (const action of [`${FRONT}/_ministack/reset`, `${AWS}/_ministack/reset`, `${FRONT}/_local/clock?${move}`]) {
    const landed = page.waitForEvent("framenavigated", (frame) => frame === page.mainFrame());
    await page.evaluate((address) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: address });
      for (const [name, value] of new URL(address).searchParams) {
        form.append(Object.assign(document.createElement("input"), { name, value }));
      }
      document.body.append(form);
      setTimeout(() => form.submit(), 0);
    }, action);
    await landed;
    await page.goto(home);
  }
}

/** The state of the local cloud, as its owner sees it: programs send no Origin. */
async function owned(): Promise<{ cards: number; queues: string; functions: string }> {
  const key = process.env.AWS_ACCESS_KEY_ID ?? "";
  const board = await fetch(`${FRONT}/api/v1/quests`);
  const queues = await fetch(AWS, {
    method: "POST",
    body: "Action=ListQueues&Version=2012-11-05",
    headers: { authorization: signed("sqs", key), "content-type": "application/x-www-form-urlencoded" },
  });
  const functions = await fetch(`${AWS}/2015-03-31/functions/`, {
    headers: { authorization: signed("lambda", key) },
  });
  expect([board.status, queues.status, functions.status]).toEqual([200, 200, 200]);
  const found = {
    cards: (await board.json()).items.length,
    queues: await queues.text(),
    functions: await functions.text(),
  };
  expect(found.queues).toContain("rewards-dlq");
  expect(found.functions).toContain("civicforge-local-api");
  return found;
}

test("a page of another origin reads no mail, makes nothing, resets nothing", async () => {
  const before = await owned();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await attack(page);
  const after = await owned();
  expect(after.cards).toBe(before.cards);
  expect(after.cards).toBeGreaterThan(0);
  expect(after.queues).not.toContain(QUEUE);
  expect(after.functions).not.toContain("hostile");
  expect(await (await fetch(`${FRONT}/_local/clock`)).text()).not.toContain(", 9 days");
});

test("a name that was made to point to this machine gets no answer", async () => {
  const page = await browser.newPage();
  for (const origin of [FRONT, AWS].map((url) => url.replace(/localhost|127\.0\.0\.1/, REBOUND))) {
    const landed = await page.goto(`${origin}/_local/mailbox`);
    expect(landed?.status()).toBe(403);
    for (const address of ["/_local/mailbox?format=json", "/_ministack/ses/messages", "/_local/health", "/"]) {
      expect(await read(page, origin + address), origin + address).toBeNull();
    }
    await read(page, `${origin}/_ministack/reset`, { method: "POST" });
  }
  expect((await owned()).cards).toBeGreaterThan(0);
});

test("the developer's own windows open: mailbox and console", async () => {
  const page = await browser.newPage();
  for (const [address, heading] of [
    ["/_local/mailbox", "Mails"],
    ["/_local/", "local console"],
  ] as const) {
    expect((await page.goto(FRONT + address))?.status()).toBe(200);
    await expect(page.locator("body")).toContainText(heading);
  }
});
