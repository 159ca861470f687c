/** Prints the milliseconds until the first quest card shows on an old phone (CPU 4x slower, 1.6 Mbit/s, 150 ms). */
import { existsSync } from "node:fs";
import { chromium } from "@playwright/test";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";
const BYTES_PER_SECOND = (1.6 * 1024 * 1024) / 8;

const [url] = process.argv.slice(2);
const browser = await chromium.launch(
  existsSync(SYSTEM_CHROMIUM) ? { executablePath: SYSTEM_CHROMIUM, args: ["--no-sandbox"] } : {},
);
const times = [];
for (let run = 0; run < 5; run++) {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 150,
    downloadThroughput: BYTES_PER_SECOND,
    uploadThroughput: BYTES_PER_SECOND,
  });
  const start = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.getByRole("article").first().waitFor();
  times.push(performance.now() - start);
  await context.close();
}
await browser.close();
process.stdout.write(`${times.sort((a, b) => a - b)[Math.floor(times.length / 2)]}\n`);
