import type { Quest, QuestView } from "../../api/types";

/** What both views of a quest have, and what only a signed-in viewer's has. */
export type AnyQuest = Quest & Partial<QuestView>;

/** The changes that the performer is to make now. */
export const wantedChanges = (quest: AnyQuest) =>
  quest.status === "CLAIMED" ? quest.changeRequests?.at(-1) : undefined;
