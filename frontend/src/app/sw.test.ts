import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";

type Handler = (event: object) => void;
const handlers: Record<string, Handler> = {};
const showNotification = vi.fn(async () => undefined);
const openWindow = vi.fn(async () => undefined);
const windows: { url: string; focus: () => Promise<void> }[] = [];

/** The service worker's source, in a scope of the test's own. */
function load(): void {
  const self = {
    addEventListener: (name: string, handler: Handler) => {
      handlers[name] = handler;
    },
    location: new URL("https://forge.test/sw.js"),
    registration: { showNotification },
    clients: { matchAll: async () => windows, openWindow },
  };
  const source = readFileSync("src/app/sw.js", "utf8").replace("__SHELL__", "[]");
  new Function("self", source.replace("__VERSION__", '"1"'))(self);
}

/** Sends an event and waits for what the worker does with it. */
async function send(name: string, event: object): Promise<void> {
  const work: Promise<unknown>[] = [];
  handlers[name]?.({ ...event, waitUntil: (promise: Promise<unknown>) => work.push(promise) });
  await Promise.all(work);
}

beforeEach(() => {
  vi.clearAllMocks();
  windows.length = 0;
  load();
});

describe("the service worker", () => {
  it("shows what the notifier sent", async () => {
    const notice = { title: "CivicForge", body: "Ben", path: "/quests/q1", tag: "q1", lang: "ar", dir: "rtl" };
    await send("push", { data: { json: () => notice } });
    expect(showNotification).toHaveBeenCalledWith("CivicForge", {
      body: "Ben",
      tag: "q1",
      lang: "ar",
      dir: "rtl",
      icon: "/icon-192.png",
      data: { path: "/quests/q1" },
    });
  });

  it.each([
    ["nothing", null],
    ["what is no JSON", { json: () => JSON.parse("{") }],
  ])("shows that there is news where it was sent %s", async (_, data) => {
    await send("push", { data });
    expect(showNotification).toHaveBeenCalledWith("CivicForge", expect.objectContaining({ data: { path: "/inbox" } }));
  });

  it("opens the quest in the window that shows it, or in a new one", async () => {
    const close = vi.fn();
    const click = (path: string) => send("notificationclick", { notification: { close, data: { path } } });
    await click("/quests/q1");
    expect(openWindow).toHaveBeenCalledWith("https://forge.test/quests/q1");
    windows.push(
      { url: "https://forge.test/compose", focus: vi.fn() },
      { url: "https://forge.test/quests/q1?x", focus: vi.fn() },
    );
    await click("/quests/q1");
    expect(windows[1]?.focus).toHaveBeenCalled();
    expect(openWindow).toHaveBeenCalledTimes(1);
    await click("https://evil.test/quests/q1");
    expect(openWindow).toHaveBeenCalledTimes(1);
    expect(close).toHaveBeenCalledTimes(3);
  });
});
