import { describe, expect, it } from "vitest";
import { t } from "../lib/text";
import { check, lengthOf } from "../lib/validate";
import { Denial, Draft, Outcome, Status } from "./limits.gen";

describe("check", () => {
  it("refuses what the API's document refuses, at the boundary", () => {
    const errors = (title: string) => check({ title }, Draft).title;
    expect(errors("x".repeat(Draft.title.minLength - 1))).toContain("5");
    expect(errors("x".repeat(Draft.title.minLength))).toBeUndefined();
    expect(errors("x".repeat(Draft.title.maxLength))).toBeUndefined();
    expect(errors("x".repeat(Draft.title.maxLength + 1))).toContain("200");
    expect(errors("     ")).toBe(t.form.required);
  });

  it("checks numbers and lists", () => {
    expect(check({ rewardXp: 9, rewardReputation: 1.5, tags: ["a", "b", "c", "d", "e", "f"] }, Draft)).toEqual({
      rewardXp: t.form.between({ min: 10, max: 1000 }),
      rewardReputation: t.form.between({ min: 1, max: 100 }),
      tags: t.form.atMostItems({ max: 5 }),
    });
    expect(check({ rewardXp: 10, tags: [] }, Draft)).toEqual({});
    const { maxLength } = Draft.tags.items;
    expect(check({ tags: ["short", "x".repeat(maxLength)] }, Draft)).toEqual({});
    expect(check({ tags: ["short", "x".repeat(maxLength + 1)] }, Draft)).toEqual({
      tags: t.form.eachTooLong({ count: maxLength }),
    });
  });

  it("counts as the API does: an emoji is one character", () => {
    expect(lengthOf("🌱🌱")).toBe(2);
  });
});

describe("text", () => {
  it("has words for every status, denial and outcome of the API", () => {
    for (const status of Status) expect(t.status[status]).toBeTruthy();
    for (const denial of Denial) expect(t.denial[denial]).toBeTruthy();
    for (const outcome of Outcome) expect(t.action.resolve.outcomes[outcome]).toBeTruthy();
  });
});
