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
  const { need } = t.mine;
  if (role === "moderator") return { group: "yourTurn", text: need.decide };
  const attested = quest.attestedBy?.includes(role);
  switch (quest.status) {
    case "OPEN":
      return { group: "waiting", text: need.OPEN };
    case "CLAIMED":
      return role === "performer" ? { group: "yourTurn", text: need.doWork } : { group: "waiting", text: need.working };
    case "SUBMITTED":
      if (attested) return { group: "waiting", text: need.waiting };
      return { group: "yourTurn", text: role === "performer" ? need.confirm : need.review };
    case "DISPUTED":
      return { group: "waiting", text: need.DISPUTED };
    case "COMPLETE":
      return { group: "finished", text: decidedByModerator(quest) ? need.decided : need.COMPLETE };
    default:
      return { group: "finished", text: need[quest.status] };
  }
}
