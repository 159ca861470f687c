/**
 * Words as search compares them: without case, accents or order, by prefix.
 * The same rules as `services/core/folding.py`; both are held to `tests/fixtures/folding.json`.
 */

/** Letters that Unicode does not take apart, as people type them where their keyboard lacks them. */
const LETTERS: Record<string, string> = {
  ς: "σ",
  ø: "o",
  ł: "l",
  đ: "d",
  ħ: "h",
  ŧ: "t",
  ı: "i",
  æ: "ae",
  œ: "oe",
  ß: "ss",
  þ: "th",
};

// Scripts without spaces: each character is a word, so that a part of a sentence is found. Else letters and digits.
const WORD =
  /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])[\p{L}\p{N}])+/gu;

const bare = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "");

/** The text in lower case and without marks, in Unicode form NFKD. */
export function fold(text: string): string {
  return bare(bare(text).toUpperCase().toLowerCase()).replace(/[ςøłđħŧıæœßþ]/g, (letter) => LETTERS[letter] ?? letter);
}

/** The different words of the texts, folded and in no order. */
export function words(...texts: string[]): string[] {
  return [...new Set(texts.flatMap((text) => fold(text).match(WORD) ?? []))];
}

/** True if each word of the query begins one of the text, whose words are joined by single spaces. */
export function matches(query: readonly string[], text: string): boolean {
  const spaced = ` ${text}`;
  return query.every((word) => spaced.includes(` ${word}`));
}
