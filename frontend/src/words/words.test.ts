import { afterEach, describe, expect, it } from "vitest";
import { Category, Denial, Kind, Outcome, State, Status } from "../api/limits.gen";
import { type Catalogue, isPlural, LANGUAGES, language, locale, showLanguage, t, textOf } from "../lib/text";
import { ago, fullDay } from "../lib/time";
import en from "./en";
import first from "./en/first";

/** Groups that `refusalOf` looks the API's codes up in. */
const LOOKED_UP = ["denial.", "codes."];

type Node = string | { readonly [key: string]: Node };

const catalogues: Record<string, Node> = Object.fromEntries(
  Object.entries(import.meta.glob<{ default: Node }>("./*/index.ts", { eager: true })).map(([path, module]) => [
    path.slice(2, 4),
    module.default,
  ]),
);

/** Each message with its dotted path; a plural is one message. */
function messages(node: Node, path: string[] = []): [string, string | Record<string, string>][] {
  if (typeof node === "string") return [[path.join("."), node]];
  if (isPlural(node as object)) return [[path.join("."), node as Record<string, string>]];
  return Object.entries(node).flatMap(([key, child]) => messages(child, [...path, key]));
}

const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();
const formsOf = (message: string | Record<string, string>): string[] =>
  typeof message === "string" ? [message] : Object.values(message);
const english = messages(en as Node);

const code = Object.entries(
  import.meta.glob<string>(["../**/*.{ts,tsx}", "!../**/*.test.*", "!../**/*.gen.ts", "!../words/**"], {
    query: "?raw",
    import: "default",
    eager: true,
  }),
).map(([path, text]) => ({ path, text }));

afterEach(() => showLanguage("en"));

it("there is a catalogue for each language, and no other", () => {
  expect(Object.keys(catalogues).sort()).toEqual([...LANGUAGES].sort());
});

describe.each(LANGUAGES.map((name) => [name, catalogues[name] ?? {}] as const))(
  "the words in %s",
  (name, catalogue) => {
    const own = new Map(messages(catalogue));

    it("are those of English, none missing, none more", () => {
      expect([...own.keys()].sort()).toEqual(english.map(([path]) => path).sort());
    });

    it("fill in what English fills in", () => {
      for (const [path, message] of english) {
        const wanted = new Set(formsOf(message).flatMap(placeholders));
        const counted = typeof message !== "string";
        for (const form of formsOf(own.get(path) ?? "")) {
          // A plural form may say its number in words: "one point", "two points".
          const given = new Set([...placeholders(form), ...(counted ? ["count"] : [])]);
          expect([...given].sort(), `${path} in ${name}: ${form}`).toEqual([...wanted].sort());
        }
      }
    });

    it("have each plural form that the language has for whole numbers below a thousand", () => {
      const rules = new Intl.PluralRules(name);
      const needed = new Set(Array.from({ length: 1000 }, (_, count) => rules.select(count)));
      for (const [path, message] of own) {
        if (typeof message === "string") continue;
        // Nobody is asked for no characters: "zero" may fall back to "other".
        for (const form of needed)
          if (form !== "zero") expect(Object.keys(message), `${path} in ${name}`).toContain(form);
      }
    });

    it("are words: none is blank, none has spaces around it, and English is not left in", () => {
      const same: string[] = [];
      for (const [path, message] of own) {
        for (const form of formsOf(message)) expect(form, path).toBe(form.trim());
        for (const form of formsOf(message)) expect(form, path).not.toBe("");
        const source = english.find(([other]) => other === path)?.[1];
        if (name !== "en" && JSON.stringify(message) === JSON.stringify(source)) same.push(path);
      }
      // Names, signs and words that are the same in the languages that share them.
      expect(same.length).toBeLessThan(20);
    });
  },
);

describe("the words", () => {
  it("are all used", () => {
    const text = code.map((file) => file.text).join("\n");
    const unused = english
      .map(([path]) => path)
      .filter((path) => {
        const keys = path.split(".");
        if (LOOKED_UP.some((group) => path.startsWith(group))) return false;
        // `t.a.b.c`, or the whole of a group: `t.a.b[key]`, `lookUp(t.a.b, key)`.
        return !keys.some((_, index) => {
          const prefix = keys
            .slice(0, index + 1)
            .map((key) => (/^\w+$/.test(key) ? `\\.${key}` : `\\["${key}"\\]`))
            .join("");
          const whole = index + 1 === keys.length;
          return new RegExp(`\\bt${prefix}${whole ? "\\b(?![\\w])" : "(?![\\w.]|\\?\\.)"}`).test(text);
        });
      });
    expect(unused).toEqual([]);
  });

  it("are in the catalogues: none is built by joining", () => {
    const joined = code.filter(({ text }) =>
      /\$\{t\.|\+ t\.|\bt\.[\w.]+(\([^)]*\))? \+|\bt\.[^\n]*\.join\(/.test(text),
    );
    expect(joined.map(({ path }) => path)).toEqual([]);
  });

  it("are there when they are shown: what loads first uses the first words alone", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      const text = code.find((file) => file.path === path)?.text ?? "";
      for (const [, from = ""] of text.matchAll(/^(?:import(?! type)|export)[^"]*?from "(\.[^"]+)"/gm)) {
        const target = new URL(from, `http://x/src/words/${path}`).pathname.replace(/^\/src\//, "../");
        for (const end of [".ts", ".tsx"]) if (code.some((file) => file.path === target + end)) visit(target + end);
      }
    };
    visit("../main.tsx");
    expect(reached.size).toBeGreaterThan(20);
    const text = [...reached].map((path) => code.find((file) => file.path === path)?.text).join("\n");
    const groups = new Set([...text.matchAll(/\bt\.(\w+)/g)].map(([, group]) => group ?? ""));
    expect([...groups].filter((group) => !(group in first))).toEqual([]);
  });

  it("know every code of the API", () => {
    const keys = (table: object) => Object.keys(table).sort();
    expect(keys(t.category)).toEqual([...Category].sort());
    expect(keys(t.status)).toEqual([...Status].sort());
    expect(keys(t.denial)).toEqual([...Denial].sort());
    expect(keys(t.ledger.kind)).toEqual([...Kind].sort());
    expect(keys(t.ledger.state)).toEqual([...State].sort());
    expect(keys(t.action.resolve.outcomes)).toEqual([...Outcome].sort());
  });
});

describe("a language", () => {
  it("gives plurals by its own rules", () => {
    const points = (name: string, count: number) =>
      textOf(catalogues[name] as unknown as Catalogue, name).count.points({ count });
    expect(points("en", 1)).toBe("1 point");
    expect(points("en", 2)).toBe("2 points");
    expect(points("de", 1)).toBe("1 Punkt");
    expect(points("fr", 0)).toBe("0 point");
    expect(points("ar", 2)).toBe("نقطتان");
    expect(points("ar", 3)).not.toBe(points("ar", 11));
  });

  it("turns the page, and its dates", async () => {
    const when = "2026-03-09T11:00:00Z";
    const before = [fullDay(when), ago(when, Date.parse("2026-03-10T12:00:00Z"))];
    await showLanguage("ar");
    expect(document.documentElement.dir).toBe("rtl");
    expect(document.documentElement.lang).toBe("ar");
    expect(language()).toBe("ar");
    expect(locale().startsWith("ar")).toBe(true);
    expect(t.nav.me).toBe("أنا");
    expect([fullDay(when), ago(when, Date.parse("2026-03-10T12:00:00Z"))]).not.toEqual(before);
    await showLanguage("de");
    expect(document.documentElement.dir).toBe("ltr");
    expect(fullDay(when)).toBe("9. März 2026");
  });
});
