import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const SOURCES = "src";
const sheets = readdirSync(SOURCES, { recursive: true, encoding: "utf-8" }).filter((path) => path.endsWith(".css"));

/** The classes to which a sheet gives a rule of their own. */
const ownClasses = (sheet: string): Set<string> =>
  new Set(
    [...sheet.replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/([^{}]+)\{/g)]
      .flatMap(([, selectors]) => (selectors ?? "").split(","))
      .map((selector) => /^\.([\w-]+)$/.exec(selector.trim())?.[1])
      .filter((name) => name !== undefined),
  );

/** `base.css` lays out, for print among others, what the other sheets draw. */
test("no class is drawn by two sheets, so that no screen's look depends on which one came first", () => {
  const drawnBy = new Map<string, string[]>();
  for (const path of sheets) {
    if (path.endsWith("base.css")) continue;
    for (const name of ownClasses(readFileSync(`${SOURCES}/${path}`, "utf-8")))
      drawnBy.set(name, [...(drawnBy.get(name) ?? []), path]);
  }
  expect(drawnBy.size).toBeGreaterThan(50);
  expect([...drawnBy].filter(([, paths]) => paths.length > 1)).toEqual([]);
});

/** A sheet that comes with a screen would move what the reader of a document sees already. */
test("the published documents use no class that a screen's own sheet draws", () => {
  const eager = new Set(
    ["src/main.tsx", "src/app/Shell.tsx", "src/features/discover/OpenQuests.tsx"].flatMap((path) =>
      [...readFileSync(path, "utf-8").matchAll(/^import ".*\/(\w+\.css)";$/gm)].map(([, name]) => name ?? ""),
    ),
  );
  const pages = ["publisher/pages.py", "canary/status.py"].map((path) =>
    readFileSync(`../services/${path}`, "utf-8").matchAll(/class="([\w -]+)"/g),
  );
  const used = new Set(pages.flatMap((page) => [...page].flatMap(([, names]) => (names ?? "").split(" "))));
  expect(used.size).toBeGreaterThan(10);
  const late = sheets.filter((path) => !eager.has(path.split("/").at(-1) ?? ""));
  expect(late.length).toBeGreaterThan(3);
  const drawn = late.flatMap((path) => [...ownClasses(readFileSync(`${SOURCES}/${path}`, "utf-8"))]);
  expect(drawn.filter((name) => used.has(name))).toEqual([]);
});
