import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";

export default defineConfig({
  testDir: ".",
  outputDir: "test-results",
  // The local cloud runs four Lambdas at once on two cores: more browsers would only wait for it.
  workers: 1,
  timeout: 180_000,
  // Told as flaky and not red, with both runs' reasons (docs/decisions/0031-one-retry.md).
  retries: 1,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    baseURL: process.env.CIVICFORGE_URL,
    viewport: { width: 360, height: 740 },
    reducedMotion: "reduce",
    screenshot: "only-on-failure",
    launchOptions: existsSync(SYSTEM_CHROMIUM) ? { executablePath: SYSTEM_CHROMIUM, args: ["--no-sandbox"] } : {},
  },
});
