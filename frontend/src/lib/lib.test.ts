import { describe, expect, it, vi } from "vitest";
import { sameSitePath } from "./ids";
import { forget, recall, remember } from "./storage";
import { applyTheme, currentTheme } from "./theme";
import { ago } from "./time";

describe("sameSitePath", () => {
  it("keeps paths of this page and nothing else", () => {
    expect(sameSitePath("/quests/1?do=claim")).toBe("/quests/1?do=claim");
    for (const foreign of [
      undefined,
      "",
      "https://evil.test/",
      "//evil.test/x",
      "/\\evil.test",
      "javascript:alert(1)",
    ]) {
      expect(sameSitePath(foreign)).toBe("/");
    }
  });
});

describe("ago", () => {
  it("speaks in the largest unit that fits", () => {
    const now = Date.parse("2026-03-10T12:00:00Z");
    expect(ago("2026-03-10T11:59:40Z", now)).toBe("now");
    expect(ago("2026-03-10T11:57:00Z", now)).toBe("3 minutes ago");
    expect(ago("2026-03-10T17:00:00Z", now)).toBe("in 5 hours");
    expect(ago("2026-03-09T11:00:00Z", now)).toBe("yesterday");
  });

  it.each([
    ["2026-03-08T23:59", "2 days ago"], // 36 hours
    ["2026-03-09T00:01", "23 hours ago", "2026-03-09T23:59"],
    ["2026-03-09T00:01", "yesterday"], // 36 hours as well
    ["2026-03-11T23:59", "tomorrow"],
    ["2026-03-12T00:01", "in 2 days"],
    ["2026-03-28T12:00", "yesterday", "2026-03-29T13:30"], // where the clocks go forward, 24.5 hours
    ["2026-10-24T12:00", "2 days ago", "2026-10-26T11:30"], // where they go back, 48.5 hours
  ])("counts calendar days: %s is %s", (then, said, now = "2026-03-10T12:00") => {
    expect(ago(new Date(then).getTime(), new Date(now).getTime())).toBe(said);
  });
});

describe("storage", () => {
  it("never throws, whatever the browser does", () => {
    remember("a.b", { x: 1 });
    remember("a.c", 2);
    expect(recall("a.b")).toEqual({ x: 1 });
    forget("a.");
    expect(recall("a.b")).toBeUndefined();
    localStorage.setItem("civicforge.bad", "{");
    expect(recall("bad")).toBeUndefined();
    vi.stubGlobal("localStorage", undefined);
    expect(() => remember("a", 1)).not.toThrow();
    expect(() => forget("a")).not.toThrow();
    vi.unstubAllGlobals();
  });
});

describe("theme", () => {
  it("follows the choice, and the system when there is none", () => {
    applyTheme("dark");
    expect(document.documentElement.dataset.theme).toBe("dark");
    expect(currentTheme()).toBe("dark");
    applyTheme("system");
    expect(document.documentElement.dataset.theme).toBeUndefined();
  });
});

describe("Trusted Types", () => {
  it("have one policy, which lets in cleaned HTML and the service worker, and no other script", async () => {
    const createPolicy = vi.fn((_name: string, rules: unknown) => rules);
    vi.stubGlobal("trustedTypes", { createPolicy });
    vi.resetModules();
    const { sanitisedByServer, serviceWorkerUrl } = await import("./trusted");
    expect(createPolicy).toHaveBeenCalledOnce();
    expect(sanitisedByServer("<b>x</b>")).toBe("<b>x</b>");
    expect(serviceWorkerUrl()).toBe("/sw.js");
    const rules = createPolicy.mock.calls[0]?.[1] as { createScriptURL: (url: string) => string };
    expect(() => rules.createScriptURL("https://evil.test/x.js")).toThrow(TypeError);
    vi.unstubAllGlobals();
  });
});
