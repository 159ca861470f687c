/**
 * A board that is too long for one document: its answers come from pages (`services/core/board_index.py`), and are the
 * same as if all cards were here. The lists are sorted by UTF-16 code units, as text is compared here.
 */
import { type PublishedBoard, readDocument, withOwnChanges } from "../../api/board";
import { boardPagePath, questPath } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { boardQuery, queryClient } from "../../api/queries";
import type { BoardCard, BoardIndex, CardPage, Pages, QuestDocument, WordPage } from "../../api/types";
import { words } from "../../lib/folding";
import { nextWeekend } from "../../lib/time";
import { type Filters, fitting, found, isSoon, ORDERS, SOON, soon } from "./board";

/** Pages of postings from which on a word is too frequent to begin with; it is then looked for in the cards. */
const MOST_PAGES = 12;
/** Documents of quests that are read side by side. */
const BATCH = 24;

export interface Reader {
  page<T>(name: string): Promise<T>;
  /** A quest's document; undefined where there is none now. */
  quest(questId: string): Promise<QuestDocument | undefined>;
}

export interface Part {
  quests: BoardCard[];
  /** There are others behind them. */
  more: boolean;
}

/** The facts of a quest that are known before its document is read. */
type Posting = Pick<BoardCard, "questId" | "createdAt" | "expiresAt" | "rewardXp" | "when">;

const pages = new Map<string, Promise<unknown>>();
/** Pages that are kept: those of a few searches. A page never changes. */
const KEPT_PAGES = 100;

/** The published documents. */
export const published: Reader = {
  page<T>(name: string): Promise<T> {
    const kept = pages.get(name) as Promise<T> | undefined;
    if (kept) return kept;
    const read = readDocument<T>(boardPagePath.replace("{name}", name)).then(({ body }) => body);
    pages.set(name, read);
    read.catch(() => pages.delete(name));
    for (const old of [...pages.keys()].slice(0, Math.max(0, pages.size - KEPT_PAGES))) pages.delete(old);
    return read;
  },
  quest: (questId) =>
    readDocument<QuestDocument>(questPath.replace("{questId}", questId)).then(
      ({ body }) => body,
      (error: unknown) => {
        if (error instanceof ApiError && error.code === "no_document") return undefined;
        throw error;
      },
    ),
};

/** The pauses before a board is read again whose pages went, in milliseconds: longer than the edge keeps its copy. */
const PAUSES = [0, 2_000, 4_000];

/** Answers from a board's pages, or from the board that has followed it meanwhile. */
export async function withPages<T>(
  board: PublishedBoard,
  answer: (index: BoardIndex) => Promise<T>,
  short: (cards: readonly BoardCard[]) => T,
): Promise<T> {
  let current = board;
  for (let attempt = 0; current.index; attempt++) {
    try {
      return await answer(current.index);
    } catch (error) {
      const isGone = error instanceof ApiError && error.code === "no_document";
      const pause = PAUSES[attempt];
      if (!isGone || pause === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
      current = await queryClient.fetchQuery({ ...boardQuery(), staleTime: 0 });
    }
  }
  return short(current.cards);
}

/** The content of a list: the first `count` quests that fit, and the number of all where that is known. */
export const list = (board: PublishedBoard, filters: Filters, count: number): Promise<Part & { total?: number }> =>
  withPages<Part & { total?: number }>(
    board,
    async (index) => {
      const part = await foundIn(index, filters, Date.now(), count);
      const { q, category, area, weekend, short } = filters;
      if (!(q || category || area || weekend || short)) return { ...part, total: index.count };
      return part.more ? part : { ...part, total: part.quests.length };
    },
    (cards) => {
      const all = found(cards, filters, Date.now());
      return { quests: all.slice(0, count), more: all.length > count, total: all.length };
    },
  );

/** The quests of others that are to be done soon. */
export const soonOf = (board: PublishedBoard, userId: string): Promise<BoardCard[]> =>
  withPages(
    board,
    (index) => soonIn(index, userId, Date.now()),
    (cards) => soon(cards, userId, Date.now()),
  );

/** The first `count` quests that fit, in order. */
export async function foundIn(
  index: BoardIndex,
  filters: Filters,
  now: number,
  count: number,
  reader: Reader = published,
): Promise<Part> {
  const looked = words(filters.q, filters.area ?? "");
  const rare = looked
    .map((word) => ({ word, names: pagesOf(index.words, word) }))
    .filter(({ names }) => names.length <= MOST_PAGES)
    .sort((a, b) => a.names.length - b.names.length);
  const part =
    rare.length > 0
      ? await byWords(rare, filters, now, count, reader)
      : filters.weekend
        ? await atTheWeekend(index, filters, now, count, reader)
        : await scanned(index[filters.sort], fitting(filters, now), count, reader);
  return withOwn(part, filters, now);
}

/** The quests of others that are to be done in the next days, the first one first. */
export async function soonIn(
  index: BoardIndex,
  userId: string,
  now: number,
  reader: Reader = published,
): Promise<BoardCard[]> {
  const isLater = startsFrom(now + SOON.within);
  const { quests } = await scanned(index.when, isSoon(userId, now), SOON.count, reader, isLater);
  return quests;
}

/** The pages that may hold postings of words with this beginning. */
export function pagesOf({ names, first }: Pages, prefix: string): string[] {
  const from = first.findIndex((_, number) => (first[number + 1] ?? "\uffff") >= prefix);
  const to = first.findIndex((entry) => entry > prefix && !entry.startsWith(prefix));
  return from < 0 ? [] : names.slice(from, to < 0 ? undefined : to);
}

const startsFrom =
  (time: number) =>
  ({ when }: BoardCard): boolean =>
    !when || Date.parse(when.start) >= time;

/** Goes through an order until there are enough; `isPast` says of a card that none after it fits. */
async function scanned(
  order: Pages,
  fits: (card: BoardCard) => boolean,
  count: number,
  reader: Reader,
  isPast: (card: BoardCard) => boolean = () => false,
): Promise<Part> {
  const quests: BoardCard[] = [];
  for (const name of order.names) {
    const { cards } = await reader.page<CardPage>(name);
    quests.push(...cards.filter(fits));
    if (quests.length > count || cards.some(isPast)) break;
  }
  return { quests: quests.slice(0, count), more: quests.length > count };
}

/** The quests of the weekend are at the beginning of those by date. */
async function atTheWeekend(
  index: BoardIndex,
  filters: Filters,
  now: number,
  count: number,
  reader: Reader,
): Promise<Part> {
  const every = Number.POSITIVE_INFINITY;
  const isPast = startsFrom(nextWeekend(now).end);
  const { quests } = await scanned(index.when, fitting(filters, now), every, reader, isPast);
  quests.sort(ORDERS[filters.sort]);
  return { quests: quests.slice(0, count), more: quests.length > count };
}

/** Reads the postings of the rare words, and the documents of the quests that have all of them. */
async function byWords(
  rare: { word: string; names: string[] }[],
  filters: Filters,
  now: number,
  count: number,
  reader: Reader,
): Promise<Part> {
  let candidates: Map<string, Posting> | undefined;
  for (const { word, names } of rare) {
    const having = await postingsOf(word, names, reader);
    const before: Map<string, Posting> = candidates ?? having;
    candidates = new Map([...before].filter(([questId]) => having.has(questId)));
  }
  const order = ORDERS[filters.sort] as (a: Posting, b: Posting) => number;
  const ordered = [...(candidates?.values() ?? [])]
    .filter(({ expiresAt }) => Date.parse(expiresAt) > now)
    .sort(order)
    .map(({ questId }) => questId);
  const fits = fitting(filters, now);
  const quests: BoardCard[] = [];
  for (let start = 0; start < ordered.length && quests.length <= count; start += BATCH) {
    const documents = await Promise.all(ordered.slice(start, start + BATCH).map(reader.quest));
    quests.push(...documents.flatMap((document) => (document?.status === "OPEN" ? cardOf(document) : [])).filter(fits));
  }
  return { quests: quests.slice(0, count), more: quests.length > count };
}

async function postingsOf(word: string, names: string[], reader: Reader): Promise<Map<string, Posting>> {
  const read = await Promise.all(names.map((name) => reader.page<WordPage>(name)));
  const entries = read.flatMap(({ postings }) => postings).filter((posting) => posting.startsWith(word));
  return new Map(entries.map(parsed).map((posting) => [posting.questId, posting]));
}

function parsed(posting: string): Posting {
  const [, questId = "", created, expires, xp, start] = posting.split(" ");
  const moment = (milliseconds: string | undefined) => new Date(Number(milliseconds)).toISOString();
  return {
    questId,
    createdAt: moment(created),
    expiresAt: moment(expires),
    rewardXp: Number(xp),
    ...(start !== "0" && { when: { start: moment(start), end: moment(start) } }),
  };
}

function cardOf(document: QuestDocument): BoardCard {
  const { title, description, tags, area, category, requestorName } = document;
  return {
    ...document,
    words: words(title, description, ...tags, area, category, requestorName).join(" "),
  } as BoardCard;
}

/** With the member's own changes, except where their place is among those that are not shown yet. */
function withOwn({ quests, more }: Part, filters: Filters, now: number): Part {
  const all = found(withOwnChanges(quests, false), filters, now);
  const last = more ? all.findIndex(({ questId }) => questId === quests.at(-1)?.questId) : -1;
  return { quests: last < 0 ? all : all.slice(0, last + 1), more };
}
