/**
 * The time that a visitor with an old phone waits: CPU 4x slower, 1.6 Mbit/s, 150 ms, 360 x 740.
 *
 * A machine that others use as well is slower than it says. How much is measured before each load, by the time that a
 * second of computing takes; the emulated phone is slowed down by that much less, and where the machine alone is slower
 * than the phone, the time is divided by what is left.
 */
export const CPU_RATE = 4;
const BYTES_PER_SECOND = (1.6 * 1024 * 1024) / 8;
const LATENCY_MS = 150;
const SPIN_MICROSECONDS = 200_000;

/** The factor by which a process runs slower than alone on this machine now. */
export function slowdown() {
  const started = performance.now();
  const before = process.cpuUsage();
  let spent = 0;
  while (spent < SPIN_MICROSECONDS) {
    const { user, system } = process.cpuUsage(before);
    spent = user + system;
  }
  return Math.max(1, (performance.now() - started) / (spent / 1000));
}

/** Runs in the page before its own code: notes when the first text and the first `card` show, and what moves. */
function watch(card) {
  const seen = { text: undefined, card: undefined, shift: 0 };
  window.seen = seen;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries()) if (name === "first-contentful-paint") seen.text = startTime;
  }).observe({ type: "paint", buffered: true });
  const look = () => {
    if (document.querySelector(card)) seen.card = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/**
 * Makes a page a slow one that notes what it shows. `card` is the selector of what counts as its first card. Returns the
 * factor by which its times are to be divided.
 */
export async function slowDown(page, card = "article a[href]") {
  const devtools = await page.context().newCDPSession(page);
  const factor = slowdown();
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: Math.max(1, CPU_RATE / factor) });
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: LATENCY_MS,
    downloadThroughput: BYTES_PER_SECOND,
    uploadThroughput: BYTES_PER_SECOND,
  });
  await page.addInitScript(watch, card);
  return Math.max(1, factor / CPU_RATE);
}

/** The best of several first loads: milliseconds until the first text and the first card, and the layout shift. */
export async function firstLoad(browser, url, runs = 5) {
  const best = { text: Number.POSITIVE_INFINITY, card: Number.POSITIVE_INFINITY, shift: Number.POSITIVE_INFINITY };
  for (let run = 0; run < runs; run++) {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
    const page = await context.newPage();
    const factor = await slowDown(page);
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForFunction(() => window.seen?.card !== undefined && window.seen.text !== undefined);
    // What comes after the card must not push it away.
    await page.waitForTimeout(2_000);
    const seen = await page.evaluate(() => window.seen);
    best.text = Math.min(best.text, seen.text / factor);
    best.card = Math.min(best.card, seen.card / factor);
    best.shift = Math.min(best.shift, seen.shift);
    await context.close();
  }
  return best;
}
