/**
 * The published board: every open quest in one document that the edge gives out without a Lambda. It follows the tables
 * by seconds, so what this member has just done to a quest stands in its place until the document has caught up.
 */
import { words } from "../lib/folding";
import { within } from "../lib/within";
import { boardPath } from "./limits.gen";
import { ApiError } from "./problem";
import { reportService, serviceState } from "./service";
import type { Board, BoardCard, QuestView } from "./types";

/** How long the edge may take to show a change, in milliseconds; after that the document is believed. */
const CATCH_UP_MS = 60_000;

interface OwnChange {
  /** undefined: not on the board. */
  card: BoardCard | undefined;
  version: number;
  at: number;
}

const ownChanges = new Map<string, OwnChange>();

/** Remembers what a quest became by this member's own doing. */
export function noteOwnChange(view: QuestView, requestorName: string): void {
  const { questId, version, title, description, tags, area, category } = view;
  const card: BoardCard = {
    ...view,
    requestorName,
    words: words(title, description, ...tags, area, category, requestorName).join(" "),
  };
  ownChanges.set(questId, { card: view.status === "OPEN" ? card : undefined, version, at: Date.now() });
}

/** The cards with the member's own changes in place of what the document does not know yet. */
export function withOwnChanges(cards: readonly BoardCard[], now: number = Date.now()): readonly BoardCard[] {
  if (ownChanges.size === 0) return cards;
  const known = new Map(cards.map((card) => [card.questId, card.version]));
  for (const [questId, { card, version, at }] of ownChanges) {
    const seen = known.get(questId);
    const caughtUp = card ? seen !== undefined && seen >= version : seen === undefined;
    if (caughtUp || at + CATCH_UP_MS < now) ownChanges.delete(questId);
  }
  const own = [...ownChanges.values()].flatMap(({ card }) => card ?? []);
  return [...own, ...cards.filter(({ questId }) => !ownChanges.has(questId))];
}

export interface PublishedBoard {
  cards: readonly BoardCard[];
  /** When the edge gave it out, in milliseconds since the epoch: older than the answer where a copy was shown. */
  at: number;
}

/** @throws ApiError with code "network" or "timeout", or "no_board" where there is no such document. */
export async function readBoard(): Promise<PublishedBoard> {
  const askedAt = Date.now();
  const response = await within(fetch(boardPath, { cache: "no-cache" })).catch(() => {
    reportService("unreachable");
    throw new ApiError({ status: 0, code: "network", title: "no answer" });
  });
  const isJson = response.headers.get("content-type")?.includes("json");
  if (!response.ok || !isJson) {
    throw new ApiError({ status: response.status || 404, code: "no_board", title: "no published board" });
  }
  const { cards } = (await response.json()) as Board;
  const given = Date.parse(response.headers.get("date") ?? "");
  const at = Number.isNaN(given) ? askedAt : given;
  // A copy that the service worker shows says nothing about the service.
  if (serviceState() === "unreachable" && at > askedAt - CATCH_UP_MS) reportService("up", askedAt);
  return { cards: withOwnChanges(cards), at };
}
