import type { Quest, QuestDocument, QuestView } from "../../api/types";

/** The fields of both views of a quest, and those of only the published document or a signed-in viewer's view. */
export type AnyQuest = Quest &
  Partial<QuestView> &
  Partial<Pick<QuestDocument, "requestorName" | "requestorModerator" | "performerName" | "performerModerator">>;

/** The changes that the performer is to make now. */
export const wantedChanges = (quest: AnyQuest) =>
  quest.status === "CLAIMED" ? quest.changeRequests?.at(-1) : undefined;
