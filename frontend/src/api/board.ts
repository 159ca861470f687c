/**
 * The published board: the open quests in a document that the edge gives out without a Lambda, all of them or, where they
 * are many, the newest and an index of pages that hold the others (features/discover/longBoard.ts). It follows the tables
 * by seconds, so what this member has just done to a quest stands in its place until the document has caught up.
 */
import { words } from "../lib/folding";
import { recall, remember } from "../lib/storage";
import { TimeoutError, within } from "../lib/within";
import { boardPath } from "./limits.gen";
import { ApiError } from "./problem";
import { reportService, serviceState } from "./service";
import type { Board, BoardCard, BoardIndex, QuestView } from "./types";

/** The time that the edge may take to show a change, in milliseconds; after that the document is believed. */
const CATCH_UP_MS = 60_000;

/** The time limit for a document that has begun to arrive, in milliseconds. */
const BODY_MS = 30_000;

interface UnpublishedChange {
  /** undefined: not on the board. */
  card: BoardCard | undefined;
  version: number;
  at: number;
}

const KEY = "board.own";
/** They outlive a reload of the tab: what a member has just posted does not vanish with it. */
const unpublishedChanges = new Map<string, UnpublishedChange>(
  recall<[string, UnpublishedChange][]>(KEY, "sessionStorage"),
);

const keepUnpublishedChanges = (): void => remember(KEY, [...unpublishedChanges], "sessionStorage");

/** Remembers what a quest became by this member's own doing. */
export function noteUnpublishedChange(view: QuestView, requestorName: string): void {
  const { questId, version, title, description, tags, area, category } = view;
  const card: BoardCard = {
    ...view,
    requestorName,
    words: words(title, description, ...tags, area, category, requestorName).join(" "),
  };
  unpublishedChanges.set(questId, { card: view.status === "OPEN" ? card : undefined, version, at: Date.now() });
  keepUnpublishedChanges();
}

/**
 * The cards with the member's own changes in place of what the document does not have yet. With `isWhole` false, the
 * cards are not the whole board, so a quest that is missing among them may still be on it.
 */
export function withUnpublishedChanges(
  cards: readonly BoardCard[],
  { isWhole = true, now = Date.now() }: { isWhole?: boolean; now?: number } = {},
): readonly BoardCard[] {
  if (unpublishedChanges.size === 0) return cards;
  const known = new Map(cards.map((card) => [card.questId, card.version]));
  for (const [questId, { card, version, at }] of unpublishedChanges) {
    const seen = known.get(questId);
    const caughtUp = card ? seen !== undefined && seen >= version : isWhole && seen === undefined;
    if (caughtUp || at + CATCH_UP_MS < now) unpublishedChanges.delete(questId);
  }
  keepUnpublishedChanges();
  const own = [...unpublishedChanges.values()].flatMap(({ card }) => card ?? []);
  return [...own, ...cards.filter(({ questId }) => !unpublishedChanges.has(questId))];
}

export interface PublishedBoard {
  /** Every open quest, or with an index the newest. */
  cards: readonly BoardCard[];
  index?: BoardIndex | undefined;
  publishedAt: string;
  /** The time of the edge's answer, in milliseconds since the epoch: older than the answer where a copy was shown. */
  at: number;
}

/** A published document and when the edge gave it out. @throws ApiError: "network", "timeout", or "no_document". */
export async function readDocument<T>(path: string): Promise<{ body: T; at: number }> {
  const askedAt = Date.now();
  const response = await within(fetch(path, { cache: "no-cache" })).catch((error: unknown) => {
    reportService("unreachable");
    throw new ApiError({ status: 0, code: error instanceof TimeoutError ? "timeout" : "network", title: "no answer" });
  });
  const isJson = response.headers.get("content-type")?.includes("json");
  if (!response.ok || !isJson) {
    throw new ApiError({ status: response.ok ? 404 : response.status, code: "no_document", title: "not published" });
  }
  const body = (await within(response.json(), BODY_MS).catch(() => {
    throw new ApiError({ status: 0, code: "timeout", title: "no whole answer" });
  })) as T;
  const given = Date.parse(response.headers.get("date") ?? "");
  const at = Number.isNaN(given) ? askedAt : given;
  // A copy that the service worker shows says nothing about the service.
  if (serviceState() === "unreachable" && at > askedAt - CATCH_UP_MS) reportService("up", askedAt);
  return { body, at };
}

export async function readBoard(): Promise<PublishedBoard> {
  const { body, at } = await readDocument<Board>(boardPath);
  const index = body.index ?? undefined;
  return { cards: withUnpublishedChanges(body.cards, { isWhole: !index }), index, publishedAt: body.publishedAt, at };
}
