import { expect, test } from "vitest";
import vectors from "../../../tests/fixtures/folding.json";
import { fold, matches, words } from "./folding";

test("letters fold as the API folds them", () => {
  for (const [letter, folded] of Object.entries(vectors.letters))
    expect([letter, fold(letter)]).toEqual([letter, folded]);
});

test("texts have the words that the API finds in them", () => {
  for (const { text, words: expected } of vectors.texts) expect(words(text).sort()).toEqual([...expected].sort());
});

test("a query finds what the API finds", () => {
  for (const { query, text, found } of vectors.matches) {
    expect([query, text, matches(words(query), words(text).join(" "))]).toEqual([query, text, found]);
  }
});
