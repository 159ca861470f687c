/** Replaces the text of a published HTML document by the app, without an empty screen in between. */
import { boardQuery, myQuestQuery, queryClient, questQuery } from "../api/queries";
import { sessionState } from "../api/session";

/** The longest time that the document's text stays while the app loads, in milliseconds. */
const MAX_WAIT_MS = 4_000;

/** Reads what the first screen shows, and its code. */
async function firstScreen(ready: Promise<unknown>): Promise<unknown> {
  const questId = /^\/quests\/([^/]+)$/.exec(location.pathname)?.[1];
  if (questId === undefined) {
    const home = sessionState().session && import("../features/discover/HomeScreen");
    return Promise.all([queryClient.prefetchQuery(boardQuery()), home]);
  }
  await ready;
  const quest = sessionState().session ? myQuestQuery(questId) : questQuery(questId);
  return Promise.all([
    queryClient.prefetchQuery(quest as ReturnType<typeof questQuery>),
    import("../features/quest/QuestScreen"),
  ]);
}

/**
 * Resolves when the app can show as much as the document in `root`, or has waited long enough; at once where there is
 * none. It never rejects.
 */
export function takeOver(root: HTMLElement, ready: Promise<unknown>): Promise<unknown> {
  if (root.dataset.asOf === undefined) return Promise.resolve();
  const enough = new Promise((resolve) => setTimeout(resolve, MAX_WAIT_MS));
  return Promise.race([firstScreen(ready).catch(() => undefined), enough]);
}
