/** The search of the board's quests and their order: exact, over all of them. */
import type { BoardCard, Category } from "../../api/types";
import { fold, matches, words } from "../../lib/folding";
import { nextWeekend } from "../../lib/time";

export const SORTS = ["newest", "ending", "reward", "when"] as const;
export type Sort = (typeof SORTS)[number];

export interface Filters {
  q: string;
  category: Category | undefined;
  /** Folded: "Old Town" and "old town" are one. */
  area: string | undefined;
  weekend: boolean;
  short: boolean;
  sort: Sort;
}

const HOUR_MINUTES = 60;

/** By code units: times are written alike, and a locale's rules would take their time over 5,000 cards. */
const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const newest = (a: BoardCard, b: BoardCard): number => order(b.createdAt, a.createdAt) || order(b.questId, a.questId);

/** The start of a quest's time; a quest without one comes after those with one. */
const startOf = ({ when }: BoardCard): string => when?.start ?? "~";

export const ORDERS: Record<Sort, (a: BoardCard, b: BoardCard) => number> = {
  newest,
  ending: (a, b) => order(a.expiresAt, b.expiresAt) || newest(a, b),
  reward: (a, b) => b.rewardXp - a.rewardXp || newest(a, b),
  when: (a, b) => order(startOf(a), startOf(b)) || newest(a, b),
};

/** The test of a quest against the filters. `now` (milliseconds) decides what is over and which weekend is the next. */
export function fitting(filters: Filters, now: number): (card: BoardCard) => boolean {
  const looked = words(filters.q);
  const weekend = nextWeekend(now);
  return (card) =>
    Date.parse(card.expiresAt) > now &&
    (!filters.category || card.category === filters.category) &&
    (!filters.area || fold(card.area.trim()) === filters.area) &&
    (!filters.short || (card.minutes ?? HOUR_MINUTES) < HOUR_MINUTES) &&
    (!filters.weekend ||
      (!!card.when && Date.parse(card.when.start) < weekend.end && Date.parse(card.when.end) > weekend.start)) &&
    matches(looked, card.words);
}

/** The quests that fit, in order. */
export const found = (cards: readonly BoardCard[], filters: Filters, now: number): BoardCard[] =>
  cards.filter(fitting(filters, now)).sort(ORDERS[filters.sort]);

/** The number of quests, and the distance in milliseconds, that count as soon. */
export const SOON = { count: 3, within: 7 * 86_400_000 };

/** The quests of others that are to be done in the next days, the first one first. */
export const soon = (cards: readonly BoardCard[], userId: string, now: number): BoardCard[] =>
  cards.filter(isSoon(userId, now)).sort(ORDERS.when).slice(0, SOON.count);

export const isSoon =
  (userId: string, now: number) =>
  ({ requestorId, when, expiresAt }: BoardCard): boolean =>
    requestorId !== userId &&
    !!when &&
    Date.parse(expiresAt) > now &&
    Date.parse(when.start) < now + SOON.within &&
    Date.parse(when.end) > now;

/** The number of cards in each area, as their requestors wrote it. */
export function countAreas(cards: readonly BoardCard[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of cards.map(({ area }) => area.trim())) if (name) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The areas by their folded names, each as most members write it, in the order of the member's language. */
export function areaChoices(counts: Record<string, number>, locale: string): [folded: string, name: string][] {
  const spellings = new Map<string, [string, number][]>();
  for (const [name, count] of Object.entries(counts)) {
    spellings.set(fold(name), [...(spellings.get(fold(name)) ?? []), [name, count]]);
  }
  const collator = new Intl.Collator(locale);
  return [...spellings]
    .map(([folded, counts]): [string, string] => {
      const [[name] = [folded]] = counts.sort((a, b) => b[1] - a[1]);
      return [folded, name];
    })
    .sort(([, a], [, b]) => collator.compare(a, b));
}
