import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { boardCard, serve, view } from "../../../test/api";
import { noteUnpublishedChange, withUnpublishedChanges } from "../../api/board";
import { ApiError } from "../../api/problem";
import type { BoardCard, BoardIndex, Pages, QuestDocument } from "../../api/types";
import { type Filters, found, isSoon, ORDERS, SORTS, soon } from "./board";
import { foundIn, pagesOf, type Reader, soonIn, withPages } from "./longBoard";

const NOW = Date.parse("2026-03-04T12:00:00Z");
const ALL: Filters = { q: "", category: undefined, area: undefined, weekend: false, short: false, sort: "newest" };
const ids = (cards: readonly BoardCard[]) => cards.map(({ questId }) => questId);

interface Fixture {
  index: BoardIndex;
  cards: BoardCard[];
  pages: Record<string, string[]>;
}

/** Reads pages and documents from memory, and counts them. */
function reader(cards: readonly BoardCard[], pages: Record<string, string[]>, words: Set<string>) {
  const byId = new Map(cards.map((card) => [card.questId, card]));
  const read = { pages: new Set<string>(), quests: 0 };
  const answers: Reader = {
    page: async <T>(name: string) => {
      read.pages.add(name);
      const entries = pages[name];
      if (!entries) throw new ApiError({ status: 404, code: "no_document", title: "" });
      return (words.has(name) ? { postings: entries } : { cards: entries.map((id) => byId.get(id)) }) as T;
    },
    quest: async (id) => {
      read.quests += 1;
      // A document has the text itself in place of its words.
      return { ...byId.get(id), description: byId.get(id)?.words } as unknown as QuestDocument;
    },
  };
  return { answers, read };
}

const fixture = JSON.parse(readFileSync("../tests/fixtures/board.json", "utf-8")) as Fixture;

/** As `services/core/board_index.py` lays a board out; the fixture holds both to the same form. */
function laidOut(cards: readonly BoardCard[], perPage: number, postingsPerPage: number) {
  const pages: Record<string, string[]> = {};
  const list = (entries: string[], size: number): Pages => {
    const made: Pages = { names: [], first: [] };
    for (let start = 0; start < entries.length; start += size) {
      const name = `p${Object.keys(pages).length}`;
      pages[name] = entries.slice(start, start + size);
      made.names.push(name);
      made.first.push((entries[start] ?? "").split(" ").slice(0, 2).join(" "));
    }
    return made;
  };
  const ordered = (sort: (typeof SORTS)[number]) => list(ids([...cards].sort(ORDERS[sort])), perPage);
  const ms = (moment: string) => Date.parse(moment);
  const postings = cards.flatMap((card) => {
    const rest = [
      card.questId,
      ms(card.createdAt),
      ms(card.expiresAt),
      card.rewardXp,
      card.when ? ms(card.when.start) : 0,
    ];
    return card.words.split(" ").map((word) => [word, ...rest].join(" "));
  });
  const index: BoardIndex = {
    count: cards.length,
    areas: {},
    newest: ordered("newest"),
    ending: ordered("ending"),
    reward: ordered("reward"),
    when: ordered("when"),
    words: list(
      postings.sort((a, b) => (a < b ? -1 : 1)),
      postingsPerPage,
    ),
  };
  return { index, pages };
}

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number> {
  let state = seed;
  for (;;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state >> 8;
  }
}

describe("the board as the publisher lays it out", () => {
  const { index, cards, pages } = fixture;
  const { answers } = reader(cards, pages, new Set(index.words.names));

  it.each(SORTS)("has by %s the same order", async (sort) => {
    const { quests, more } = await foundIn(index, { ...ALL, sort }, NOW, 500, answers);
    expect(ids(quests)).toEqual(ids(found(cards, { ...ALL, sort }, NOW)));
    expect(more).toBe(false);
  });

  const texts = [
    "sofa",
    "carry so",
    "CAFE",
    "lodz",
    "doctor eye",
    "zoe",
    "𐐷",
    "ff x",
    "a",
    "nothere",
    "mira 3",
    "social",
  ];
  const choices: Partial<Filters>[] = [
    {},
    { category: "social" },
    { area: "old town" },
    { area: "sao pedro", short: true },
    { weekend: true },
    { weekend: true, short: true, area: "hill" },
  ];
  it.each(texts.flatMap((q) => choices.map((choice) => [q, choice] as const)))(
    "finds %j with %j",
    async (q, choice) => {
      for (const sort of SORTS) {
        const filters = { ...ALL, ...choice, q, sort };
        const expected = ids(found(cards, filters, NOW));
        for (const count of [3, 500]) {
          const { quests, more } = await foundIn(index, filters, NOW, count, answers);
          expect(ids(quests)).toEqual(expected.slice(0, count));
          expect(more).toBe(expected.length > count);
        }
      }
    },
  );

  it("names what is soon", async () => {
    for (const userId of ["A", "M", "nobody"]) {
      expect(ids(await soonIn(index, userId, NOW, answers))).toEqual(ids(soon(cards, userId, NOW)));
    }
    expect(cards.filter(isSoon("A", NOW)).length).toBeGreaterThan(3);
  });

  it("fails where a page is gone, and says nothing of an empty list", async () => {
    const { answers: without } = reader(cards, {}, new Set());
    await expect(foundIn(index, ALL, NOW, 10, without)).rejects.toThrow(ApiError);
  });
});

describe("pages of words", () => {
  const words: Pages = { names: ["a", "b", "c", "d"], first: ["arm q1", "sofa q7", "sofas q2", "tree q1"] };
  it.each([
    ["arm", ["a"]],
    ["a", ["a"]],
    ["sof", ["a", "b", "c"]],
    ["sofas", ["b", "c"]],
    ["tree", ["c", "d"]],
    ["zoo", ["d"]],
    ["aa", []],
  ])("that may hold %s", (prefix, names) => {
    expect(pagesOf(words, prefix)).toEqual(expect.arrayContaining(names));
    expect(pagesOf(words, prefix).length).toBeLessThanOrEqual(names.length + 1);
  });
});

describe("a board whose pages went", () => {
  const published = (count: number) => ({ cards: [], index: { ...laidOut([], 5, 10).index, count }, publishedAt: "" });
  const serveBoard = (count: number) => serve({ "GET /published/board.json": published(count) });
  const answer = async ({ count }: BoardIndex): Promise<number> => {
    if (count === 1) throw new ApiError({ status: 404, code: "no_document", title: "" });
    return count;
  };
  const answered = () => withPages({ ...published(1), at: 0 }, answer, () => 0);
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is read again until the edge has the next one", async () => {
    await serveBoard(1);
    const found = answered();
    await vi.advanceTimersByTimeAsync(5_000); // as long as the edge keeps its copy
    await serveBoard(2);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await found).toBe(2);
  });

  it("is not waited for without end", async () => {
    await serveBoard(1);
    const failed = expect(answered()).rejects.toMatchObject({ code: "no_document" });
    await vi.advanceTimersByTimeAsync(10_000);
    await failed;
  });
});

describe("the member's own changes", () => {
  beforeEach(() => {
    vi.useRealTimers();
  });
  afterEach(() => {
    withUnpublishedChanges([], { now: Date.now() + 61_000 }); // later than the board takes to catch up: they are forgotten
  });

  it("stand in their place, but not before what is not shown yet", async () => {
    const cards = Array.from({ length: 20 }, (_, number) =>
      boardCard({ questId: `q${String(number).padStart(2, "0")}`, rewardXp: 100 + number, title: "Carry" }),
    );
    const { index, pages } = laidOut(cards, 5, 10);
    const { answers } = reader(cards, pages, new Set(index.words.names));
    const own = {
      questId: "own",
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
      rewardXp: 110,
    };
    noteUnpublishedChange(view([], own), "Ana");
    const by = (sort: Filters["sort"], count: number) => foundIn(index, { ...ALL, sort }, Date.now(), count, answers);
    expect(ids((await by("newest", 5)).quests)[0]).toBe("own");
    expect(ids((await by("reward", 5)).quests)).not.toContain("own");
    expect(ids((await by("reward", 15)).quests)).toContain("own");
  });
});

const WORDS = ["sofa", "Möbel", "garden", "Garten", "café", "piano", "Łódź", "roses", "fence", "eye", "doctor"];

describe.each([10_000, 100_000])("of %i open quests", (count) => {
  const random = numbers(7);
  const next = (below: number) => (random.next().value ?? 0) % below;
  const iso = (time: number) => new Date(time).toISOString();
  const cards = Array.from({ length: count }, (_, number) =>
    boardCard({
      questId: `q${String(number).padStart(6, "0")}`,
      title: `${WORDS[next(11)]} ${WORDS[next(11)]} ${number} w${next(count / 20)}`,
      rewardXp: 10 + next(990),
      createdAt: iso(NOW - next(30 * 86_400) * 1000),
      expiresAt: iso(NOW + 1000 + next(30 * 86_400) * 1000),
    }),
  );
  const { index, pages } = laidOut(cards, 200, 1_000);

  it.each(SORTS)("the ten first by %s are those of a full scan, from one page", async (sort) => {
    const { answers, read } = reader(cards, pages, new Set(index.words.names));
    const { quests } = await foundIn(index, { ...ALL, sort }, NOW, 10, answers);
    expect(ids(quests)).toEqual(ids(found(cards, { ...ALL, sort }, NOW)).slice(0, 10));
    expect(read.pages.size).toBe(1);
  });

  it("50 searches find what a full scan finds, from few documents", async () => {
    const folded = ["sofa", "mobel", "garden", "garten", "cafe", "piano", "lodz", "roses", "fence", "eye", "doctor"];
    let hits = 0;
    for (let number = 0; number < 50; number++) {
      const word = folded[next(11)] ?? "";
      const rare = `w${next(count / 20)}`;
      const q =
        [rare, `${rare} ${word}`, String(next(count)), `${folded[next(11)]} ${word}`, `no${rare}`][number % 5] ?? "";
      const filters = { ...ALL, q, sort: SORTS[number % 4] ?? "newest" };
      const expected = ids(found(cards, filters, NOW));
      hits += Math.min(1, expected.length);
      const { answers, read } = reader(cards, pages, new Set(index.words.names));
      const { quests, more } = await foundIn(index, filters, NOW, 20, answers);
      expect(ids(quests)).toEqual(expected.slice(0, 20));
      expect(more).toBe(expected.length > 20);
      expect(read.pages.size).toBeLessThanOrEqual(30);
      expect(read.quests).toBeLessThanOrEqual(250);
    }
    expect(hits).toBeGreaterThan(25);
  }, 120_000);
});
