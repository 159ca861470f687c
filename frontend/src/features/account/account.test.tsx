import { screen } from "@testing-library/preact";
import { describe, expect, it } from "vitest";
import { entry, me, person, problem, serve, signInAs } from "../../../test/api";
import { open } from "../../../test/page";
import { t } from "../../lib/text";
import { addsUp } from "./Ledger";

describe("me", () => {
  it("shows totals and the ledger that they are the sum of", async () => {
    signInAs("ben");
    const reward = entry({
      entryId: "r",
      kind: "reward",
      questId: "q1",
      points: 2,
      xp: 100,
      reputation: 10,
      state: "PENDING",
    });
    await serve({
      "GET /me": me({ interests: ["garden"], bio: "Hello" }),
      "GET /me/ledger": { items: [reward, entry()] },
    });
    open("/me");
    expect(await screen.findByText(t.ledger.balanced)).toBeTruthy();
    expect(screen.getByText(t.ledger.state.PENDING)).toBeTruthy();
    expect(screen.getByRole("link", { name: t.ledger.kind.reward }).getAttribute("href")).toBe("/quests/q1");
    expect(screen.getByText("+100")).toBeTruthy();
  });

  it("does not claim a sum that is not there", () => {
    expect(addsUp([entry()], { points: 10, xp: 0, reputation: 0 })).toBe(true);
    expect(addsUp([entry()], { points: 9, xp: 0, reputation: 0 })).toBe(false);
    expect(addsUp([entry({ state: "HELD" })], { points: 10, xp: 0, reputation: 0 })).toBe(false);
  });
});

describe("a public profile", () => {
  it("shows the public fields", async () => {
    await serve({ "GET /users/ana": person("ana", "Ana") });
    open("/people/ana");
    expect(await screen.findByRole("heading", { level: 1, name: "Ana" })).toBeTruthy();
    expect(screen.getByText("garden")).toBeTruthy();
  });

  it("may not exist", async () => {
    await serve({ "GET /users/nobody": problem(404, "user_not_found") });
    open("/people/nobody");
    expect(await screen.findByText(t.notFound.title)).toBeTruthy();
  });
});
