import type { Part, QuestCard } from "../../api/types";
import { t } from "../../lib/text";
import { decidedByModerator } from "../../ui/quests";

export type Group = "yourTurn" | "waiting" | "finished";

export interface Need {
  group: Group;
  text: string;
}

/** What a quest needs, seen by the member whose part in it is `role`. */
export function needOf(quest: QuestCard, role: Part): Need {
  if (role === "judge") return { group: "finished", text: t.mine.need.decided };
  if (role === "moderator") return { group: "yourTurn", text: t.mine.need.decide };
  const attested = quest.attestedBy?.includes(role);
  switch (quest.status) {
    case "OPEN":
      return { group: "waiting", text: t.mine.need.OPEN };
    case "CLAIMED":
      return role === "performer"
        ? { group: "yourTurn", text: t.mine.need.doWork }
        : { group: "waiting", text: t.mine.need.working };
    case "SUBMITTED":
      if (attested) return { group: "waiting", text: t.mine.need.waiting };
      return { group: "yourTurn", text: role === "performer" ? t.mine.need.confirm : t.mine.need.review };
    case "DISPUTED":
      return { group: "waiting", text: t.mine.need.DISPUTED };
    case "COMPLETE":
      return { group: "finished", text: decidedByModerator(quest) ? t.mine.need.decided : t.mine.need.COMPLETE };
    default:
      return { group: "finished", text: t.mine.need[quest.status] };
  }
}
