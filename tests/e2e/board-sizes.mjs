/**
 * Asks the app at ADDRESS every question of a file and compares what it shows with the answers there: see
 * board_sizes.py. A visitor without a service worker; the questions are asked by their addresses, as a shared link does.
 */
import { existsSync, readFileSync } from "node:fs";
import { chromium } from "@playwright/test";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";
const PATIENCE_MS = 20_000;

const [address, file] = process.argv.slice(2);
const questions = JSON.parse(readFileSync(file, "utf8"));
const browser = await chromium.launch(
  existsSync(SYSTEM_CHROMIUM) ? { executablePath: SYSTEM_CHROMIUM, args: ["--no-sandbox"] } : {},
);
const context = await browser.newContext({ serviceWorkers: "block" });
const page = await context.newPage();
let calls = 0;
page.on("request", (request) => {
  if (/\/api\/v1\/quests/.test(request.url())) calls += 1;
});

/** The quests that are shown, and their number if the app says one that is final. */
const shown = (count) =>
  page.evaluate((most) => {
    const cards = [...document.querySelectorAll(".tickets .ticket a.cover")].slice(0, most);
    const told = document.querySelector("[role=status].small")?.textContent ?? "";
    const search = document.querySelector("input[type=search]")?.value ?? "";
    return { ids: cards.map((card) => card.getAttribute("href").split("/").at(-1)), told, search };
  }, count);

await page.goto(address);
await page.locator(".tickets .ticket").first().waitFor();
const took = [];
let wrong = 0;
for (const { q, sort, total, first } of questions) {
  const query = new URLSearchParams({ ...(q && { q }), ...(sort !== "newest" && { sort }) });
  const started = Date.now();
  await page.evaluate((path) => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/?${query}`);
  let now;
  let right = false;
  while (!right && Date.now() < started + PATIENCE_MS) {
    now = await shown(first.length + Number(total <= first.length));
    const count = Number(now.told.replace(/\D/g, ""));
    const counted = now.told.includes("so far") ? count < total : count === total && now.told !== "";
    right = now.search === q && counted && now.ids.join() === first.join();
  }
  took.push(Date.now() - started);
  if (right) continue;
  wrong += 1;
  process.stdout.write(`\n  ${sort} "${q}": ${now.told}: ${now.ids.join(" ")}, not ${total}: ${first.join(" ")}`);
}
took.sort((a, b) => a - b);
const median = took[Math.floor(took.length / 2)];
process.stdout.write(
  `${questions.length - wrong} of ${questions.length} answers are those of a full scan, ` +
    `median ${median} ms, worst ${took.at(-1)} ms, ${calls} calls of the API\n`,
);
await browser.close();
process.exitCode = Number(wrong > 0);
