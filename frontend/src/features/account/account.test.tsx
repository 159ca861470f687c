import { screen } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
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
      questTitle: "Carry a sofa",
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
    expect(screen.getByText(t.ledger.kind.reward)).toBeTruthy();
    expect(screen.getByRole("link", { name: "Carry a sofa" }).getAttribute("href")).toBe("/quests/q1");
    expect(screen.getByText("+100")).toBeTruthy();
  });

  it("says why a reward is less, and what somebody who came back begins with", async () => {
    signInAs("ben");
    const half = entry({
      entryId: "e2",
      kind: "reward",
      questId: "q1",
      questTitle: "Carry a sofa",
      share: 50,
      points: 1,
    });
    await serve({
      "GET /me": me({ points: 8 }),
      "GET /me/ledger": { items: [half, entry({ points: 7, returning: true })] },
    });
    open("/me");
    expect(await screen.findByText(t.ledger.share({ percent: 50 }))).toBeTruthy();
    expect(screen.getByText(t.ledger.returning)).toBeTruthy();
    expect(screen.queryByText(t.ledger.kind.welcome)).toBeNull();
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
    expect(screen.queryByText(t.common.moderator)).toBeNull();
    // Visitors report and block nobody.
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("says large how many members confirmed the work, explains each number, and quotes thanks", async () => {
    const thanks = {
      userId: "ben",
      questId: "q7",
      questTitle: "Carry a sofa",
      text: "So gentle!",
      at: "2026-03-01T10:00:00Z",
    };
    await serve({
      "GET /users/ana": { ...person("ana", "Ana Lund"), confirmedBy: 12, moderator: true, thanks: [thanks] },
      "GET /users/ben": person("ben", "Ben"),
    });
    open("/people/ana");
    expect(await screen.findByText("So gentle!")).toBeTruthy();
    expect(screen.getByRole("link", { name: "Carry a sofa" }).getAttribute("href")).toBe("/quests/q7");
    expect(await screen.findByRole("link", { name: "Ben" })).toBeTruthy();
    expect(screen.getByText(t.common.moderator)).toBeTruthy();
    expect(screen.getByText("AL")).toBeTruthy();
    const first = document.querySelector(".totals > div");
    expect(first?.textContent).toBe(`${t.person.confirmedBy}12`);
    for (const figure of ["confirmedBy", "xp", "reputation", "completed"] as const)
      expect(screen.getByText(t.person.explain[figure])).toBeTruthy();
    expect(screen.queryByText(t.person.explain.points)).toBeNull();
  });

  it("is where a member is blocked and let again", async () => {
    signInAs("ben");
    const blocked = me({ blocked: ["ana"] });
    const calls = await serve({
      "GET /users/ana": person("ana", "Ana"),
      "GET /me": me(),
      "PUT /me/blocked/ana": blocked,
      "DELETE /me/blocked/ana": me(),
    });
    open("/people/ana");
    await userEvent.click(await screen.findByRole("button", { name: t.block.name }));
    expect(calls.some(({ method }) => method === "PUT")).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: t.block.confirm }));
    expect(await screen.findByText(t.block.is)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.block.undo }));
    expect(await screen.findByRole("button", { name: t.block.name })).toBeTruthy();
    expect(calls.map(({ method }) => method).filter((method) => method !== "GET")).toEqual(["PUT", "DELETE"]);
  });

  it("may not exist", async () => {
    await serve({ "GET /users/nobody": problem(404, "user_not_found") });
    open("/people/nobody");
    expect(await screen.findByText(t.notFound.title)).toBeTruthy();
  });
});
