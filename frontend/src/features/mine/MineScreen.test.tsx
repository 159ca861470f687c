import { screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { myCard, problem, serve, signInAs, turn } from "../../../test/api";
import { open } from "../../../test/page";
import type { MyQuestCard } from "../../api/types";
import { t } from "../../lib/text";
import { ago } from "../../lib/time";
import { needOf } from "../../ui/turns";

const lists = (of: Partial<Record<string, MyQuestCard[]>>) => ({
  "GET /me/quests": ({ query }: { query: URLSearchParams }) => ({ items: of[query.get("role") ?? ""] ?? [] }),
});
const region = async (name: string) => within(await screen.findByRole("region", { name }));
const titles = (section: Awaited<ReturnType<typeof region>>) =>
  section.getAllByRole("heading", { level: 3 }).map((heading: HTMLElement) => heading.textContent);

describe("my quests", () => {
  it("begin with all that waits for me, in the API's order, and name none of it twice", async () => {
    signInAs("ben");
    const until = new Date(Date.now() + 3 * 86_400_000).toISOString();
    const waiting = [
      myCard({ questId: "a", title: "Soon due", status: "CLAIMED", role: "performer", turn: turn({ until }) }),
      myCard({
        questId: "b",
        title: "Look at it",
        status: "SUBMITTED",
        role: "requestor",
        turn: turn({ task: "confirm" }),
      }),
    ];
    await serve({
      "GET /me/turn": { items: waiting },
      ...lists({
        performer: [waiting[0] as MyQuestCard, myCard({ questId: "x", title: "Old", status: "COMPLETE" })],
        requestor: [waiting[1] as MyQuestCard],
      }),
    });
    open("/mine");
    const mine = await region(t.mine.yourTurn);
    expect(titles(mine)).toEqual(["Soon due", "Look at it"]);
    expect(mine.getByText(t.mine.task["hand-in"])).toBeTruthy();
    expect(mine.getByText(t.mine.until({ when: ago(until) }))).toBeTruthy();
    expect(titles(await region(t.mine.part.performer))).toEqual(["Old"]);
    expect((await region(t.mine.part.requestor)).getByText(t.mine.nothingElse)).toBeTruthy();
  });

  it("keep what went against me, with the reason", async () => {
    signInAs("ben");
    const former = { userId: "ben", at: "2026-03-02T10:00:00.000Z", how: "withdrawn" as const, reason: "It rains." };
    await serve(lists({ performer: [myCard({ title: "Sweep the yard", status: "CANCELLED", former })] }));
    open("/mine");
    const helped = await region(t.mine.part.performer);
    expect(helped.getByText(t.mine.former.withdrawn)).toBeTruthy();
    expect(helped.getByText("It rains.")).toBeTruthy();
  });

  it("show a moderator the disputes of others, and what was decided", async () => {
    signInAs("mo", ["moderators"]);
    await serve(
      lists({
        moderator: [
          myCard({
            questId: "d",
            title: "Odd one",
            status: "DISPUTED",
            turn: turn({ task: "decide", members: [], moderators: true }),
          }),
          myCard({
            questId: "e",
            title: "Unheard one",
            status: "DISPUTED",
            turn: turn({ task: "state", members: ["jo"], yours: false }),
          }),
        ],
        judge: [myCard({ questId: "f", title: "Decided one", status: "COMPLETE" })],
      }),
    );
    open("/mine");
    const disputes = await region(t.mine.part.moderator);
    expect(disputes.getByText(t.mine.task.decide)).toBeTruthy();
    expect(disputes.getByText(t.mine.need.unheard)).toBeTruthy();
    expect((await region(t.mine.part.judge)).getByText("Decided one")).toBeTruthy();
  });

  it("may be none yet", async () => {
    signInAs("ben");
    await serve(lists({}));
    open("/mine");
    expect(await screen.findByText(t.mine.emptyDoing)).toBeTruthy();
    expect(screen.getByText(t.mine.emptyAsked)).toBeTruthy();
    expect(screen.getByText(t.day.nothing)).toBeTruthy();
  });

  it("may fail, which is said once, and go on", async () => {
    signInAs("ben");
    await serve({ "GET /me/quests": problem(400, "odd"), "GET /me/turn": problem(400, "odd") });
    open("/mine");
    const retry = await screen.findByRole("button", { name: t.common.retry });
    await serve({
      "GET /me/turn": { items: [] },
      "GET /me/quests": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor")
          ? { items: [myCard({ questId: "z", title: "Last" })] }
          : { items: [myCard()], nextCursor: "n" },
    });
    await userEvent.click(retry);
    const [more] = await screen.findAllByRole("button", { name: t.common.more });
    await userEvent.click(more as HTMLElement);
    expect((await screen.findAllByText("Last")).length).toBe(1);
  });
});

describe("needOf", () => {
  const { task, need } = t.mine;
  it.each([
    ["CLAIMED", "performer", turn(), task["hand-in"]],
    ["CLAIMED", "requestor", turn({ yours: false }), need.working],
    ["CLAIMED", "requestor", turn({ task: "overdue" }), need.overdueAsked],
    ["CLAIMED", "performer", turn({ task: "overdue" }), need.overdueDoing],
    ["SUBMITTED", "requestor", turn({ task: "confirm" }), need.review],
    ["SUBMITTED", "performer", turn({ task: "confirm" }), need.confirm],
    ["SUBMITTED", "performer", turn({ task: "confirm", yours: false }), need.waiting],
    ["OPEN", "requestor", turn({ task: "answer" }), task.answer],
    ["OPEN", "requestor", undefined, need.OPEN],
    ["DISPUTED", "performer", turn({ task: "state" }), task.state],
    ["DISPUTED", "requestor", turn({ task: "state", yours: false }), need.otherStates],
    ["DISPUTED", "requestor", turn({ task: "decide", yours: false }), need.DISPUTED],
    ["CLAIMED", "performer", turn({ task: "review", yours: false }), need.hidden],
    ["EXPIRED", "requestor", undefined, need.EXPIRED],
    ["CANCELLED", "requestor", undefined, need.CANCELLED],
    ["COMPLETE", "judge", undefined, need.judged],
  ] as const)("of %s for the %s (%j)", (status, role, whose, text) => {
    expect(needOf(myCard({ status, role: role === "judge" ? null : role, turn: whose ?? null }), role)).toBe(text);
  });

  it("tells the word of both sides from a moderator's", () => {
    const text = (attestedBy: ("requestor" | "performer")[]) =>
      needOf(myCard({ status: "COMPLETE", role: "performer", attestedBy }), "performer");
    expect(text(["requestor", "performer"])).toBe(need.COMPLETE);
    expect(text(["performer"])).toBe(need.decided);
  });
});
