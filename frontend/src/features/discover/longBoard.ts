/**
 * Search, filters and sort orders of a board with pages (`services/core/board_index.py`). The results are the same as
 * those of `board.ts`, which needs all cards. The lists are sorted by UTF-16 code units, which is how JavaScript
 * compares text.
 */
import { type PublishedBoard, readDocument, withUnpublishedChanges } from "../../api/board";
import { boardPagePath, questPath } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { boardQuery, queryClient } from "../../api/queries";
import type { BoardCard, BoardIndex, CardPage, Pages, QuestDocument, WordPage } from "../../api/types";
import { words } from "../../lib/folding";
import { nextWeekend } from "../../lib/time";
import { type Filters, fitting, found, isSoon, ORDERS, SOON, soon } from "./board";

/** A word with more pages in the search index is too frequent to look up there; the cards are searched instead. */
const MOST_PAGES = 12;
/** Number of quest documents that are read in parallel. */
const BATCH = 24;

export interface Reader {
  page<T>(name: string): Promise<T>;
  /** A quest's document; undefined if there is none. */
  quest(questId: string): Promise<QuestDocument | undefined>;
}

/** The first quests that match, in order. */
export interface Matches {
  quests: BoardCard[];
  /** True if more quests match than these. */
  more: boolean;
}

/** An entry of the search index: the sort values of a quest, known before its document is read. */
type Posting = Pick<BoardCard, "questId" | "createdAt" | "expiresAt" | "rewardXp" | "when">;

const pages = new Map<string, Promise<unknown>>();
/** Maximum number of pages in the cache, enough for a few searches. A page never changes. */
const KEPT_PAGES = 100;

/** Reads the published documents. */
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

/** Pauses before the retries of a board whose pages were deleted, in ms; together longer than CloudFront's cache time. */
const PAUSES = [0, 2_000, 4_000];

/** Runs `answer` on the board's index, and again on the next board if pages were deleted meanwhile. */
export async function withPages<T>(
  board: PublishedBoard,
  answer: (index: BoardIndex) => Promise<T>,
  fromCards: (cards: readonly BoardCard[]) => T,
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
  return fromCards(current.cards);
}

/** The first `count` quests that match the filters, and the total number if it is known. */
export const list = (board: PublishedBoard, filters: Filters, count: number): Promise<Matches & { total?: number }> =>
  withPages<Matches & { total?: number }>(
    board,
    async (index) => {
      const matches = await foundIn(index, filters, Date.now(), count);
      const { q, category, area, weekend, short } = filters;
      if (!(q || category || area || weekend || short)) return { ...matches, total: index.count };
      return matches.more ? matches : { ...matches, total: matches.quests.length };
    },
    (cards) => {
      const all = found(cards, filters, Date.now());
      return { quests: all.slice(0, count), more: all.length > count, total: all.length };
    },
  );

/** Other members' quests that start soon. */
export const soonOf = (board: PublishedBoard, userId: string): Promise<BoardCard[]> =>
  withPages(
    board,
    (index) => soonIn(index, userId, Date.now()),
    (cards) => soon(cards, userId, Date.now()),
  );

/** The first `count` quests that match the filters, in their order. */
export async function foundIn(
  index: BoardIndex,
  filters: Filters,
  now: number,
  count: number,
  reader: Reader = published,
): Promise<Matches> {
  const queried = words(filters.q, filters.area ?? "");
  const rare = queried
    .map((word) => ({ word, names: pagesOf(index.words, word) }))
    .filter(({ names }) => names.length <= MOST_PAGES)
    .sort((a, b) => a.names.length - b.names.length);
  const matches =
    rare.length > 0
      ? await searchByWords(rare, filters, now, count, reader)
      : filters.weekend
        ? await scanWeekend(index, filters, now, count, reader)
        : await scan(index[filters.sort], fitting(filters, now), count, reader);
  return addUnpublishedChanges(matches, filters, now);
}

/** Other members' quests that start soon, by start. */
export async function soonIn(
  index: BoardIndex,
  userId: string,
  now: number,
  reader: Reader = published,
): Promise<BoardCard[]> {
  const isLater = startsFrom(now + SOON.within);
  const { quests } = await scan(index.when, isSoon(userId, now), SOON.count, reader, isLater);
  return quests;
}

/** The pages of the search index that may have words with this prefix. */
export function pagesOf({ names, first }: Pages, prefix: string): string[] {
  const from = first.findIndex((_, number) => (first[number + 1] ?? "\uffff") >= prefix);
  const to = first.findIndex((entry) => entry > prefix && !entry.startsWith(prefix));
  return from < 0 ? [] : names.slice(from, to < 0 ? undefined : to);
}

const startsFrom =
  (time: number) =>
  ({ when }: BoardCard): boolean =>
    !when || Date.parse(when.start) >= time;

/** Reads a sorted list until `count` quests match, or until a card for which `isPast` says that no later one matches. */
async function scan(
  order: Pages,
  fits: (card: BoardCard) => boolean,
  count: number,
  reader: Reader,
  isPast: (card: BoardCard) => boolean = () => false,
): Promise<Matches> {
  const quests: BoardCard[] = [];
  for (const name of order.names) {
    const { cards } = await reader.page<CardPage>(name);
    quests.push(...cards.filter(fits));
    if (quests.length > count || cards.some(isPast)) break;
  }
  return { quests: quests.slice(0, count), more: quests.length > count };
}

/** The matching quests of the next weekend; in the list by start they come first. */
async function scanWeekend(
  index: BoardIndex,
  filters: Filters,
  now: number,
  count: number,
  reader: Reader,
): Promise<Matches> {
  const every = Number.POSITIVE_INFINITY;
  const isPast = startsFrom(nextWeekend(now).end);
  const { quests } = await scan(index.when, fitting(filters, now), every, reader, isPast);
  quests.sort(ORDERS[filters.sort]);
  return { quests: quests.slice(0, count), more: quests.length > count };
}

/** Looks up the rare words in the search index, and reads the documents of the quests that contain all of them. */
async function searchByWords(
  rare: { word: string; names: string[] }[],
  filters: Filters,
  now: number,
  count: number,
  reader: Reader,
): Promise<Matches> {
  let candidates: Map<string, Posting> | undefined;
  for (const { word, names } of rare) {
    const matching = await postingsOf(word, names, reader);
    const before: Map<string, Posting> = candidates ?? matching;
    candidates = new Map([...before].filter(([questId]) => matching.has(questId)));
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

/** The quests with the member's own changes, except those that come after the last one shown. */
function addUnpublishedChanges({ quests, more }: Matches, filters: Filters, now: number): Matches {
  const all = found(withUnpublishedChanges(quests, { isWhole: false }), filters, now);
  const last = more ? all.findIndex(({ questId }) => questId === quests.at(-1)?.questId) : -1;
  return { quests: last < 0 ? all : all.slice(0, last + 1), more };
}
