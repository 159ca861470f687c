import { screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { card, problem, serve, signInAs } from "../../../test/api";
import { open } from "../../../test/page";
import { t } from "../../lib/text";
import { needOf } from "./need";

describe("my quests", () => {
  it("are grouped by what they need from me", async () => {
    signInAs("ben");
    await serve({
      "GET /me/quests": ({ query }: { query: URLSearchParams }) => ({
        items:
          query.get("role") === "performer"
            ? [
                card({ questId: "a", title: "To do", status: "CLAIMED" }),
                card({ questId: "b", title: "Old", status: "COMPLETE" }),
              ]
            : [card({ questId: "c", title: "Posted", status: "OPEN" })],
      }),
    });
    open("/mine");
    const turn = await screen.findByRole("region", { name: t.mine.yourTurn });
    expect(within(turn).getByText("To do")).toBeTruthy();
    expect(within(turn).getByText(new RegExp(t.mine.need.doWork))).toBeTruthy();
    expect(within(screen.getByRole("region", { name: t.mine.waiting })).getByText("Posted")).toBeTruthy();
    expect(within(screen.getByRole("region", { name: t.mine.finished })).getByText("Old")).toBeTruthy();
  });

  it("show a moderator the disputes of others", async () => {
    signInAs("mo", ["moderators"]);
    await serve({
      "GET /me/quests": ({ query }: { query: URLSearchParams }) => ({
        items: query.get("role") === "moderator" ? [card({ questId: "d", title: "Odd one", status: "DISPUTED" })] : [],
      }),
    });
    open("/mine");
    const turn = await screen.findByRole("region", { name: t.mine.yourTurn });
    expect(within(turn).getByText("Odd one")).toBeTruthy();
    expect(within(turn).getByText(new RegExp(t.mine.need.decide))).toBeTruthy();
  });

  it("may be none yet", async () => {
    signInAs("ben");
    await serve({ "GET /me/quests": { items: [] } });
    open("/mine");
    expect(await screen.findByText(t.mine.emptyTitle)).toBeTruthy();
  });

  it("may fail, and go on", async () => {
    signInAs("ben");
    await serve({ "GET /me/quests": problem(400, "odd") });
    open("/mine");
    const retry = await screen.findByRole("button", { name: t.common.retry });
    await serve({
      "GET /me/quests": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor") ? { items: [card({ questId: "z", title: "Last" })] } : { items: [card()], nextCursor: "n" },
    });
    await userEvent.click(retry);
    const [more] = await screen.findAllByRole("button", { name: t.common.more });
    await userEvent.click(more as HTMLElement);
    expect((await screen.findAllByText("Last")).length).toBe(1);
  });
});

describe("needOf", () => {
  it.each([
    ["SUBMITTED", "requestor", [], "yourTurn"],
    ["SUBMITTED", "performer", [], "yourTurn"],
    ["SUBMITTED", "requestor", ["requestor"], "waiting"],
    ["CLAIMED", "requestor", [], "waiting"],
    ["DISPUTED", "performer", [], "waiting"],
    ["EXPIRED", "requestor", [], "finished"],
    ["CANCELLED", "requestor", [], "finished"],
  ] as const)("puts %s for the %s with %j attested into %s", (status, role, attestedBy, group) => {
    const need = needOf(card({ status, attestedBy: [...attestedBy] }), role);
    expect(need.group).toBe(group);
    expect(need.text).toBeTruthy();
  });

  it("tells the word of both sides from a moderator's", () => {
    const text = (attestedBy: ("requestor" | "performer")[]) =>
      needOf(card({ status: "COMPLETE", attestedBy }), "performer").text;
    expect(text(["requestor", "performer"])).toBe(t.mine.need.COMPLETE);
    expect(text(["performer"])).toBe(t.mine.need.decided);
  });
});
