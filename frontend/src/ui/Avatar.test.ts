import { expect, it } from "vitest";
import { hueOf, initialsOf } from "./Avatar";

it.each([
  ["Mira Okafor", "MO"],
  ["  jonas  ", "J"],
  ["Anna Maria de la Cruz", "AC"],
  ["李雷", "李"],
  ["محمد علي", "مع"],
  ["👩‍🌾 Ana", "👩‍🌾A"],
  ["नि राम", "निरा"],
  ["- Zoë -", "Z"],
  ["", ""],
])("the initials of %j are %j", (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});

it("a member keeps one hue, and members spread over all of them", () => {
  expect(hueOf("user-1")).toBe(hueOf("user-1"));
  const hues = Array.from({ length: 360 }, (_, number) => hueOf(`member-${number}`));
  const sixths = hues.map((hue) => Math.floor(hue / 60));
  for (let sixth = 0; sixth < 6; sixth++) {
    expect(sixths.filter((one) => one === sixth).length).toBeGreaterThan(30);
  }
});
