/**
 * The words of the page in the member's language. A catalogue (src/words) has `{name}` placeholders and, for plurals,
 * objects keyed by CLDR category; here they become strings and functions. English is always there, the others load when
 * they are wanted.
 */
import en from "../words/en";
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
export type Catalogue<T = typeof en> = {
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

export type Text = Message<typeof en>;

const CATEGORIES: readonly string[] = ["zero", "one", "two", "few", "many", "other"];

/** Whether `node` is one message in several plural forms, not a group of messages. */
export const isPlural = (node: object): node is Plural =>
  "other" in node && Object.keys(node).every((key) => CATEGORIES.includes(key));

/** The functions and strings of a catalogue; numbers and plurals follow `locale` (BCP 47). */
export function textOf(catalogue: Catalogue, locale: string): Text {
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
const listeners = new Set<() => void>();

/** The catalogue in use; it changes with the language, so nothing may keep a part of it beyond a render. */
export let t: Text = textOf(en, "en");

export const language = (): Language => current.language;

/** What numbers and dates are written for: the browser's variant of the language (de-AT) where it has one. */
export const locale = (): string => current.locale;

export function onLanguageChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const LOADERS: Record<Language, () => Promise<{ default: Catalogue }>> = {
  en: async () => ({ default: en }),
  de: () => import("../words/de"),
  es: () => import("../words/es"),
  fr: () => import("../words/fr"),
  ar: () => import("../words/ar"),
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

/** Shows the page in `next`. @throws Error when its catalogue cannot be loaded; the page stays as it was. */
export async function showLanguage(next: Language): Promise<void> {
  const { default: catalogue } = await LOADERS[next]();
  const variant = navigator.languages.find((tag) => base(tag) === next) ?? next;
  current = { language: next, locale: variant };
  t = textOf(catalogue, variant);
  document.documentElement.lang = next;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(next) ? "rtl" : "ltr";
  for (const listener of listeners) listener();
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

/** The string under a key that comes from outside, e.g. an error's code. */
export const lookUp = (table: Readonly<Record<string, string>>, key: string | null | undefined): string | undefined =>
  key && Object.hasOwn(table, key) ? table[key] : undefined;
