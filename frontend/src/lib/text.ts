/**
 * The words of the app in the member's language. A catalogue (src/words) has `{name}` placeholders and, for plurals,
 * objects keyed by CLDR category; here they become strings and functions. The words of the first screen in English are
 * always there; other languages, and the words of the other screens, load when they are wanted.
 */
import first from "../words/en/first";
import type screens from "../words/en/screens";
import { recall, remember } from "./storage";

export const LANGUAGES = ["en", "de", "es", "fr", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language by its own name. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ar: "العربية",
};

const RIGHT_TO_LEFT: readonly Language[] = ["ar"];
const KEY = "language";

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** The shape of every catalogue: English's keys, with other strings. */
type English = typeof first & typeof screens;

export type Catalogue<T = English> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : keyof T[K] extends Intl.LDMLPluralRule
      ? Plural
      : Catalogue<T[K]>;
};

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<N extends string> = { [K in N]: K extends "count" ? number : string | number };
type Message<S> = S extends string
  ? [Names<S>] extends [never]
    ? string
    : (values: Values<Names<S>>) => string
  : keyof S extends Intl.LDMLPluralRule
    ? (values: Values<Names<S[keyof S]> | "count">) => string
    : { readonly [K in keyof S]: Message<S[K]> };

export type Text = Message<English>;

const CATEGORIES: readonly string[] = ["zero", "one", "two", "few", "many", "other"];

/** True if `node` is one message in several plural forms, not a group of messages. */
export const isPlural = (node: object): node is Plural =>
  "other" in node && Object.keys(node).every((key) => CATEGORIES.includes(key));

/** The functions and strings of a catalogue; numbers and plurals follow `locale` (BCP 47). */
export function textOf(catalogue: Catalogue<typeof first> & Partial<Catalogue>, locale: string): Text {
  const numbers = new Intl.NumberFormat(locale);
  const rules = new Intl.PluralRules(locale);
  const fill = (text: string, values: Record<string, string | number>): string =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
    });
  const build = (node: string | object): unknown => {
    if (typeof node === "string") {
      return node.includes("{") ? (values: Record<string, string | number>) => fill(node, values) : node;
    }
    if (isPlural(node)) {
      return (values: { count: number }) => fill(node[rules.select(values.count)] ?? node.other, values);
    }
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, build(child as string | object)]));
  };
  return build(catalogue) as Text;
}

let current: { language: Language; locale: string } = { language: "en", locale: "en" };
let hasScreens = false;
const listeners = new Set<() => void>();

/**
 * The words in use; they change with the language, so nothing may keep a part of them beyond a render. Those of
 * words/<language>/screens.ts are there once `loadScreenWords` is done.
 */
export let t: Text = textOf(first, "en");

export const language = (): Language => current.language;

/** The locale of numbers and dates: the browser's variant of the language (de-AT) where it has one. */
export const locale = (): string => current.locale;

export function onLanguageChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

interface Loader {
  first: () => Promise<{ default: Catalogue<typeof first> }>;
  screens: () => Promise<{ default: Catalogue<typeof screens> }>;
}

const LOADERS: Record<Language, Loader> = {
  en: { first: async () => ({ default: first }), screens: () => import("../words/en/screens") },
  de: { first: () => import("../words/de/first"), screens: () => import("../words/de/screens") },
  es: { first: () => import("../words/es/first"), screens: () => import("../words/es/screens") },
  fr: { first: () => import("../words/fr/first"), screens: () => import("../words/fr/screens") },
  ar: { first: () => import("../words/ar/first"), screens: () => import("../words/ar/screens") },
};

const isLanguage = (name: string | undefined): name is Language => LANGUAGES.some((known) => known === name);
const base = (tag: string): string => tag.toLowerCase().split("-")[0] ?? "";

/** The language that the member chose on this device, if any. */
export const chosenLanguage = (): Language | undefined => {
  const stored = recall<string>(KEY);
  return isLanguage(stored) ? stored : undefined;
};

/** The first of the browser's languages that there is a catalogue for. */
export const browserLanguage = (): Language => navigator.languages.map(base).find(isLanguage) ?? "en";

async function use(next: Language, withScreens: boolean): Promise<void> {
  const [words, more] = await Promise.all([LOADERS[next].first(), withScreens ? LOADERS[next].screens() : undefined]);
  const variant = navigator.languages.find((tag) => base(tag) === next) ?? next;
  current = { language: next, locale: variant };
  hasScreens = withScreens;
  t = textOf({ ...words.default, ...more?.default }, variant);
}

/** Turns the document to the language in use; what it shows until then is in another one. */
export function turnDocument(): void {
  document.documentElement.lang = current.language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(current.language) ? "rtl" : "ltr";
}

/** Brings the words of `next` without showing them yet. @throws Error when they cannot be loaded. */
export const bringLanguage = (next: Language): Promise<void> => use(next, hasScreens);

/** Shows the app in `next`. @throws Error when its words cannot be loaded; the app stays as it was. */
export async function showLanguage(next: Language): Promise<void> {
  await bringLanguage(next);
  turnDocument();
  for (const listener of listeners) listener();
}

/** Brings the words of all screens. @throws Error when they cannot be loaded. */
export async function loadScreenWords(): Promise<void> {
  if (!hasScreens) await use(current.language, true);
}

/** Shows `next` and keeps the choice on this device. */
export async function chooseLanguage(next: Language): Promise<void> {
  await showLanguage(next);
  remember(KEY, next);
}

/** A number as the member's locale writes it. */
export const number = (value: number, options: Intl.NumberFormatOptions = {}): string =>
  new Intl.NumberFormat(current.locale, options).format(value);

/** `+5`, `−5`, `0`. */
export const signed = (value: number): string => number(value, { signDisplay: "exceptZero" });

/** `text` of one direction amid words of another; for what members wrote, in a sentence of ours. */
export const isolated = (text: string): string => `\u2068${text}\u2069`;

/** The meaning of a refusal's code. The words load with the first screen on which something can be refused. */
export function refusalOf(code: string): string | undefined {
  const { denial, codes }: Partial<Text> = t;
  return (denial && lookUp(denial, code)) ?? (codes && lookUp(codes, code));
}

/** The string under a key that comes from outside, e.g. an error's code. */
export const lookUp = (table: Readonly<Record<string, string>>, key: string | null | undefined): string | undefined =>
  key && Object.hasOwn(table, key) ? table[key] : undefined;
