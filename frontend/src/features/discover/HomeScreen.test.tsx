import { screen, waitFor, within } from "@testing-library/preact";
import { describe, expect, it } from "vitest";
import { board, boardCard, me, myCard, problem, serve, signInAs, turn } from "../../../test/api";
import { open } from "../../../test/page";
import { t } from "../../lib/text";

const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const when = (hours: number) => ({ start: inHours(hours), end: inHours(hours + 1) });

describe("my day", () => {
  it("opens on what waits for me: the most urgent, how many, and the way to all of them", async () => {
    signInAs("ben");
    const waiting = Array.from({ length: 120 }, (_, number) =>
      myCard({ questId: `w${number}`, title: `Waits ${number}`, role: "performer", turn: turn() }),
    );
    await serve({
      "GET /me": me({ unread: 100 }),
      "GET /me/turn": { items: waiting },
      "GET /published/board.json": board(),
    });
    open("/");
    expect(await screen.findByRole("heading", { level: 1, name: t.day.title })).toBeTruthy();
    const section = within(await screen.findByRole("region", { name: t.mine.yourTurn }));
    await waitFor(() =>
      expect(section.getAllByRole("heading", { level: 3 }).map((heading) => heading.textContent)).toEqual([
        "Waits 0",
        "Waits 1",
        "Waits 2",
      ]),
    );
    expect(section.getByRole("link", { name: t.day.all({ count: 120 }) }).getAttribute("href")).toBe("/mine");
    const navigation = within(screen.getByRole("navigation"));
    expect(navigation.getByText("99+")).toBeTruthy();
    expect(navigation.getByRole("link", { name: `${t.nav.mine} ${t.nav.waiting({ count: 120 })}` })).toBeTruthy();
    expect(screen.getByRole("link", { name: `${t.nav.inbox} ${t.nav.unread({ count: 100 })}` })).toBeTruthy();
  });

  it("shows what others want done soon, the first one first, before the whole board", async () => {
    signInAs("ben");
    await serve({
      "GET /me": me(),
      "GET /published/board.json": board(
        boardCard({ questId: "a", title: "Tomorrow", when: when(24) }),
        boardCard({ questId: "b", title: "Next month", when: when(700) }),
        boardCard({ questId: "c", title: "Tonight", when: when(3) }),
        boardCard({ questId: "d", title: "My own", when: when(4), requestorId: "ben" }),
        boardCard({ questId: "e", title: "Any time" }),
      ),
    });
    open("/");
    const soon = within(await screen.findByRole("region", { name: t.day.soon }));
    expect(soon.getAllByRole("heading", { level: 3 }).map((heading) => heading.textContent)).toEqual([
      "Tonight",
      "Tomorrow",
    ]);
    expect(screen.getByText(t.discover.results({ count: 5 }))).toBeTruthy();
    expect(await screen.findByText(t.day.nothing)).toBeTruthy();
    expect(screen.queryByText(t.discover.heroTitle)).toBeNull();
  });

  it("shows the board though what waits cannot be read", async () => {
    signInAs("ben");
    await serve({
      "GET /me": me(),
      "GET /me/turn": problem(400, "odd"),
      "GET /published/board.json": board(boardCard({ title: "Carry a sofa" })),
    });
    open("/");
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
    expect(screen.getByRole("button", { name: t.common.retry })).toBeTruthy();
  });
});
