import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Answer, CONFIG, me, problem, serve, signInAs } from "../../test/api";
import { open } from "../../test/page";
import { t } from "../lib/text";
import { signOut, signOutEverywhere } from "./cognito";
import { repairPush } from "./push";

const KEY = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
const OTHER_KEY = KEY.replace("BA1", "BB1");
const bytes = (text: string) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0)).buffer;

/** A browser that can show notices: its one subscription, and what its owner says when asked. */
class Pushing {
  subscription: { key: string; unsubscribe: () => Promise<boolean>; options: object; toJSON: () => object } | undefined;
  permission = "default";
  answer = "granted";

  constructor() {
    const pushManager = {
      getSubscription: async () => this.subscription ?? null,
      subscribe: async ({ applicationServerKey }: { applicationServerKey: Uint8Array }) =>
        this.subscribe(btoa(String.fromCharCode(...applicationServerKey))),
    };
    Object.defineProperty(navigator, "serviceWorker", {
      configurable: true,
      value: { getRegistration: async () => ({ pushManager }) },
    });
    vi.stubGlobal("PushManager", class {});
    const browser = this;
    vi.stubGlobal("Notification", {
      get permission() {
        return browser.permission;
      },
      requestPermission: async () => {
        browser.permission = browser.answer;
        return browser.answer;
      },
    });
  }

  subscribe(key: string) {
    this.subscription = {
      key,
      options: { applicationServerKey: bytes(key) },
      unsubscribe: async () => {
        this.subscription = undefined;
        return true;
      },
      toJSON: () => ({ endpoint: "https://fcm.googleapis.com/x", keys: { p256dh: "public", auth: "secret" } }),
    };
    return this.subscription;
  }
}

const DEVICE = { deviceId: "d1", service: "fcm.googleapis.com", addedAt: "2026-03-01T10:00:00.000Z" };
const ANSWERS: Record<string, Answer> = {
  "GET /config.json": { ...CONFIG, pushKey: KEY },
  "GET /me": me(),
  "POST /me/devices": DEVICE,
  "GET /me/devices": { items: [DEVICE, { ...DEVICE, deviceId: "d2" }] },
  "DELETE /me/devices/d1": { items: [] },
  "DELETE /me/devices/d2": { items: [] },
  "Cognito.RevokeToken": {},
  "Cognito.GlobalSignOut": {},
};
const radio = (name: string) =>
  screen.findByRole("group", { name: t.settings.push.name }).then((group) => {
    const found = [...group.querySelectorAll("label")].find(({ textContent }) => textContent === name);
    return found?.querySelector("input") as HTMLInputElement;
  });

const keyOf = ({ subscription }: Pushing) => bytes(subscription?.key ?? "");

let browser: Pushing;
beforeEach(() => {
  browser = new Pushing();
});
afterEach(() => {
  Reflect.deleteProperty(navigator, "serviceWorker");
  vi.unstubAllGlobals();
  localStorage.clear();
});

async function turnedOn(more: Record<string, Answer> = {}) {
  signInAs("ben");
  const calls = await serve({ ...ANSWERS, ...more });
  open("/settings");
  await userEvent.click(await radio(t.settings.push.states.on));
  await screen.findByText(t.common.saved);
  return calls;
}

describe("notices on this device", () => {
  it("are turned on with the stage's key, and off again", async () => {
    const calls = await turnedOn();
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual({
      endpoint: "https://fcm.googleapis.com/x",
      publicKey: "public",
      auth: "secret",
    });
    expect(keyOf(browser)).toEqual(bytes(KEY));
    expect((await radio(t.settings.push.states.on)).checked).toBe(true);
    await userEvent.click(await radio(t.settings.push.states.off));
    await waitFor(() =>
      expect(calls.some(({ method, path }) => method === "DELETE" && path.endsWith("/d1"))).toBe(true),
    );
    expect(browser.subscription).toBeUndefined();
  });

  it("stay off where their owner says no, and the page says why", async () => {
    browser.answer = "denied";
    signInAs("ben");
    const calls = await serve(ANSWERS);
    open("/settings");
    await userEvent.click(await radio(t.settings.push.states.on));
    expect(await screen.findByText(t.settings.push.blocked)).toBeTruthy();
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
  });

  it("are said to be impossible where the browser has none", async () => {
    Reflect.deleteProperty(navigator, "serviceWorker");
    signInAs("ben");
    await serve(ANSWERS);
    open("/settings");
    expect(await screen.findByText(t.settings.push.unsupported)).toBeTruthy();
  });

  it("say when the API refuses the browser's push service", async () => {
    signInAs("ben");
    await serve({ ...ANSWERS, "POST /me/devices": problem(403, "unknown_push_service") });
    open("/settings");
    await userEvent.click(await radio(t.settings.push.states.on));
    expect(await screen.findByText(t.codes.unknown_push_service)).toBeTruthy();
  });

  it("end with the session, here or everywhere", async () => {
    const calls = await turnedOn();
    await signOut();
    expect(browser.subscription).toBeUndefined();
    expect(calls.filter(({ method }) => method === "DELETE").map(({ path }) => path)).toEqual(["/me/devices/d1"]);
    const again = await turnedOn();
    await signOutEverywhere();
    expect(browser.subscription).toBeUndefined();
    expect(again.filter(({ method }) => method === "DELETE").map(({ path }) => path)).toEqual([
      "/me/devices/d1",
      "/me/devices/d2",
    ]);
  });

  it("end with a session that ends without a network", async () => {
    await turnedOn({ "DELETE /me/devices/d1": () => Promise.reject(new TypeError("offline")) });
    await signOut();
    expect(browser.subscription).toBeUndefined();
  });

  it("are nobody else's when another member signs in", async () => {
    const calls = await turnedOn();
    signInAs("ana");
    calls.length = 0;
    await repairPush();
    expect(browser.subscription).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it("are mended where the browser lost them or the stage has another key", async () => {
    const calls = await turnedOn();
    browser.subscription = undefined;
    await repairPush();
    expect(browser.subscription).toBeTruthy();
    const former = browser.subscribe(OTHER_KEY);
    await repairPush();
    expect(former.key).toBe(OTHER_KEY);
    expect(keyOf(browser)).toEqual(bytes(KEY));
    calls.length = 0;
    await repairPush();
    expect(calls).toEqual([]);
  });

  it("are given up where the browser shows none any more", async () => {
    const calls = await turnedOn();
    browser.permission = "denied";
    await repairPush();
    expect(calls.some(({ method }) => method === "DELETE")).toBe(true);
  });
});
