import { screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { board, boardCard, card, problem, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import { queryClient } from "../../api/queries";
import { t } from "../../lib/text";
import { nextWeekend } from "../../lib/time";

const stats = { days: 30, questsCreated: 4, questsCompleted: 3, attestationsSubmitted: 6 };
const titles = () =>
  screen.getAllByRole("article").map((article: HTMLElement) => within(article).getByRole("heading").textContent);

describe("discover", () => {
  it("shows visitors what this is, and open quests as text, never as markup", async () => {
    await serve({ "GET /quests": { items: [card({ title: "<b>Tom</b> & Jerry <3" })] }, "GET /stats": stats });
    open("/");
    expect(await screen.findByText("<b>Tom</b> & Jerry <3")).toBeTruthy();
    expect(screen.getByText(t.discover.heroTitle)).toBeTruthy();
    expect(await screen.findByText(t.discover.stats({ created: 4, completed: 3, days: 30 }))).toBeTruthy();
    expect(document.title).toBe(t.nav.moved({ title: t.discover.title }));
  });

  it("leaves the direction of what members write to their words", async () => {
    await serve({ "GET /quests": { items: [card({ title: "نقل أريكة" })] }, "GET /stats": stats });
    open("/");
    expect((await screen.findByText("نقل أريكة")).closest("[dir=auto]")).toBeTruthy();
    expect(screen.getByLabelText(t.discover.search).getAttribute("dir")).toBe("auto");
  });

  it("filters by category and text, and keeps the filters in the address", async () => {
    signInAs("ben");
    const calls = await serve({ "GET /quests": { items: [card()] } });
    open("/?category=social");
    const user = userEvent.setup();
    await screen.findByText("Carry a sofa");
    expect(calls.find(({ path }) => path === "/quests")?.query.get("category")).toBe("social");
    await user.type(screen.getByLabelText(t.discover.search), "sofa");
    await waitFor(() => expect(address()).toBe("/?q=sofa&category=social"));
    await waitFor(() =>
      expect(
        calls
          .filter(({ path }) => path === "/quests")
          .at(-1)
          ?.query.get("q"),
      ).toBe("sofa"),
    );
    await user.click(screen.getByRole("radio", { name: t.discover.all }));
    await waitFor(() => expect(address()).toBe("/?q=sofa"));
  });

  it("sorts the whole board", async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const saturday = new Date(nextWeekend(Date.now()).start + 36_000_000).toISOString();
    await serve({
      "GET /stats": stats,
      "GET /published/board.json": board(
        boardCard({ questId: "a", title: "Cheap", rewardXp: 10, expiresAt: soon }),
        boardCard({ questId: "b", title: "Dear", rewardXp: 500, createdAt: "2026-02-01T00:00:00.000Z" }),
        boardCard({
          questId: "c",
          title: "Old",
          createdAt: "2026-01-01T00:00:00.000Z",
          when: { start: saturday, end: saturday },
        }),
      ),
    });
    open("/");
    await screen.findByText("Cheap");
    expect(titles()).toEqual(["Cheap", "Dear", "Old"]);
    const user = userEvent.setup();
    const orders = { reward: ["Dear", "Old", "Cheap"], ending: ["Cheap"], when: ["Old", "Cheap", "Dear"] };
    for (const [sort, order] of Object.entries(orders)) {
      await user.selectOptions(screen.getByLabelText(t.discover.sort), sort);
      await waitFor(() => expect(titles().slice(0, order.length)).toEqual(order));
    }
    expect(screen.getByText(t.card.ends({ when: "in 59 minutes" }))).toBeTruthy();
  });

  it("answers from the pages of a long board, also after they went", async () => {
    const cards = Array.from({ length: 90 }, (_, number) =>
      boardCard({
        questId: `q${number}`,
        title: `Errand ${number}`,
        rewardXp: 100 + number,
        createdAt: new Date(Date.now() - number * 60_000).toISOString(),
      }),
    );
    const dear = [...cards].reverse();
    const published = (generation: string) => {
      const words = Array.from({ length: 90 }, (_, number) => {
        const card = cards[number];
        return `${number} q${number} ${Date.parse(card?.createdAt ?? "")} ${Date.parse(card?.expiresAt ?? "")} 1 0`;
      }).sort();
      const list = (name: string) => ({ names: [`${name}${generation}`], first: ["!"] });
      const index = {
        count: 90,
        areas: { "Old town": 90 },
        newest: list("n"),
        ending: list("e"),
        reward: list("r"),
        when: list("w"),
        words: list("p"),
      };
      return {
        [`GET /published/board/n${generation}.json`]: { cards },
        [`GET /published/board/r${generation}.json`]: { cards: dear },
        [`GET /published/board/p${generation}.json`]: { postings: words },
        "GET /published/board.json": {
          publishedAt: `2026-03-01T10:00:0${generation}.000Z`,
          cards: cards.slice(0, 60),
          index,
        },
      };
    };
    const found = boardCard({ questId: "q77", title: "Errand 77" });
    const quest = { "GET /published/quests/q77.json": { ...found, description: "", attestedBy: [] } };
    await serve({ "GET /stats": stats, ...quest, ...published("1") });
    open("/");
    expect(await screen.findByText(t.discover.results({ count: 90 }))).toBeTruthy();
    expect(titles().slice(0, 2)).toEqual(["Errand 0", "Errand 1"]);
    expect(titles()).toHaveLength(60);
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: t.common.more }));
    await waitFor(() => expect(titles()).toHaveLength(90));
    await serve({ "GET /stats": stats, ...quest, ...published("2") });
    await user.selectOptions(screen.getByLabelText(t.discover.sort), "reward");
    await waitFor(() => expect(titles().slice(0, 2)).toEqual(["Errand 89", "Errand 88"]));
    await user.type(screen.getByLabelText(t.discover.search), "77");
    expect(await screen.findByText(t.discover.results({ count: 1 }))).toBeTruthy();
    expect(titles()).toEqual(["Errand 77"]);
  });

  it("filters the whole board, and keeps the filters in the address", async () => {
    const cards = Array.from({ length: 150 }, (_, number) =>
      boardCard({ questId: `q${number}`, title: `Errand ${number}`, area: number % 3 ? "Old Town" : "old town " }),
    );
    const weekend = nextWeekend(Date.now());
    const when = { start: new Date(weekend.start).toISOString(), end: new Date(weekend.start + 1).toISOString() };
    await serve({
      "GET /stats": stats,
      "GET /published/board.json": board(
        ...cards,
        boardCard({
          questId: "z",
          title: "Prune the roses",
          area: "Łąka",
          minutes: 30,
          when,
          requestorName: "Zoë",
          requestorModerator: true,
        }),
      ),
    });
    open("/");
    expect(await screen.findByText(t.discover.results({ count: 151 }))).toBeTruthy();
    expect(titles()).toHaveLength(60);
    await userEvent.click(screen.getByRole("button", { name: t.common.more }));
    expect(titles()).toHaveLength(120);
    const areas = within(screen.getByLabelText(t.discover.area)).getAllByRole("option");
    expect(areas.map((option) => option.textContent)).toEqual([t.discover.anywhere, "Łąka", "Old Town"]);
    const user = userEvent.setup();
    const found = (count: number) => screen.findByText(t.discover.results({ count }));
    await user.click(screen.getByRole("checkbox", { name: t.discover.weekend }));
    expect(await found(1)).toBeTruthy();
    expect(address()).toBe("/?weekend=1");
    expect(screen.getAllByText(t.common.moderator)).toHaveLength(1);
    await user.click(screen.getByRole("checkbox", { name: t.discover.short }));
    await waitFor(() => expect(address()).toBe("/?weekend=1&short=1"));
    await user.click(screen.getByRole("checkbox", { name: t.discover.weekend }));
    await user.click(screen.getByRole("checkbox", { name: t.discover.short }));
    await user.selectOptions(screen.getByLabelText(t.discover.area), "Old Town");
    expect(await found(150)).toBeTruthy();
    await user.selectOptions(screen.getByLabelText(t.discover.area), "");
    await user.type(screen.getByLabelText(t.discover.search), "rose zoe prun");
    expect(await found(1)).toBeTruthy();
    await user.type(screen.getByLabelText(t.discover.search), " nowhere");
    expect(await screen.findByText(t.discover.emptyFilteredTitle)).toBeTruthy();
  });

  it("says what is missing where the board cannot be had", async () => {
    signInAs("ben");
    await serve({ "GET /quests": { items: [card()], nextCursor: "more" } });
    open("/");
    expect(await screen.findByText(t.discover.partial)).toBeTruthy();
    expect(screen.queryByLabelText(t.discover.sort)).toBeNull();
    expect(screen.queryByRole("checkbox", { name: t.discover.weekend })).toBeNull();
  });

  it("does not say that nothing matches while more is to be read", async () => {
    await serve({ "GET /quests": { items: [], nextCursor: "more" }, "GET /stats": stats });
    open("/?q=piano");
    expect(await screen.findByRole("button", { name: t.common.more })).toBeTruthy();
    expect(screen.queryByText(t.discover.emptyFilteredTitle)).toBeNull();
  });

  it("pages on", async () => {
    signInAs("ben");
    await serve({
      "GET /quests": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor") === "c2"
          ? { items: [card({ questId: "b", title: "Second page" })] }
          : { items: [card()], nextCursor: "c2" },
    });
    open("/");
    expect(await screen.findByText(t.discover.resultsSoFar({ count: 1 }))).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.common.more }));
    expect(await screen.findByText("Second page")).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.common.more })).toBeNull();
  });

  it("helps when nothing is there, with and without filters", async () => {
    signInAs("ben");
    await serve({ "GET /quests": { items: [] } });
    const page = open("/");
    expect(await screen.findByText(t.discover.emptyTitle)).toBeTruthy();
    page.unmount();
    open("/?q=nothing");
    expect(await screen.findByText(t.discover.emptyFilteredTitle)).toBeTruthy();
    await userEvent.click(screen.getByRole("link", { name: t.discover.clear }));
    await waitFor(() => expect(address()).toBe("/"));
  });

  it("says what failed, with the request id, and tries again", async () => {
    signInAs("ben");
    await serve({ "GET /quests": problem(400, "bad_cursor") });
    open("/");
    expect(await screen.findByText(t.errors.requestId({ id: "req-1" }))).toBeTruthy();
    await serve({ "GET /quests": { items: [card()] } });
    await userEvent.click(screen.getByRole("button", { name: t.common.retry }));
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
  });

  it("keeps the list when the service is away, and says how old it is", async () => {
    await serve({ "GET /quests": { items: [card()] }, "GET /stats": stats });
    const before = open("/");
    await screen.findByText("Carry a sofa");
    before.unmount();
    queryClient.clear();
    await serve({ "GET /api/health": problem(502, "down") });
    open("/");
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
    expect(await screen.findByText(t.banner.unreachable)).toBeTruthy();
    expect(screen.getByText(/As of/)).toBeTruthy();
  });
});
