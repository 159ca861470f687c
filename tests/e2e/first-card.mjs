/** Prints what `firstLoad` measures at an address, as JSON. */
import { existsSync } from "node:fs";
import { chromium } from "@playwright/test";
import { firstLoad } from "./speed.mjs";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";

const [url] = process.argv.slice(2);
const browser = await chromium.launch(
  existsSync(SYSTEM_CHROMIUM) ? { executablePath: SYSTEM_CHROMIUM, args: ["--no-sandbox"] } : {},
);
process.stdout.write(`${JSON.stringify(await firstLoad(browser, url))}\n`);
await browser.close();
