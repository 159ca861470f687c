/** A quest's need, and from whom, in words: from the turn that the API gives, never decided anew here. */
import type { Involvement, MyQuestCard, Turn } from "../api/types";
import { t } from "../lib/text";
import { ago, fullTime } from "../lib/time";
import { CategoryMark, decidedByModerator } from "./quests";

type Card = Pick<MyQuestCard, "status" | "attestedBy" | "role" | "turn" | "former" | "hiddenAt">;

/** The viewer's task. */
function taskText({ task }: Turn, role: Involvement): string {
  if (task === "overdue") return role === "requestor" ? t.mine.need.overdueAsked : t.mine.need.overdueDoing;
  if (task === "confirm") return role === "performer" ? t.mine.need.confirm : t.mine.need.review;
  return t.mine.task[task];
}

/** The step that the viewer waits for. */
function waitingText({ task }: Turn, role: Involvement): string {
  if (task === "hand-in") return t.mine.need.working;
  if (task === "state") return role === "moderator" ? t.mine.need.unheard : t.mine.need.otherStates;
  if (task === "decide") return t.mine.need.DISPUTED;
  return task === "review" ? t.mine.need.hidden : t.mine.need.waiting;
}

/** A quest's need, seen by the member whose part in it is `role`. */
export function needOf(card: Card, role: Involvement): string {
  if (role === "judge") return t.mine.need.judged;
  if (role === "performer" && card.role !== "performer" && card.former) return t.mine.former[card.former.how];
  if (card.turn) return card.turn.yours ? taskText(card.turn, role) : waitingText(card.turn, role);
  if (card.status === "COMPLETE" && decidedByModerator(card)) return t.mine.need.decided;
  return card.status === "OPEN" || card.status === "EXPIRED" || card.status === "CANCELLED"
    ? t.mine.need[card.status]
    : card.status === "COMPLETE"
      ? t.mine.need.COMPLETE
      : t.mine.need.waiting;
}

/** Until when somebody may act, and what comes then. */
export function Until({ turn }: { turn: Turn | null | undefined }) {
  if (!turn?.until) return null;
  const text = turn.task === "confirm" ? t.mine.confirmsItself : turn.task === "overdue" ? t.mine.freed : t.mine.until;
  return (
    <time dateTime={turn.until} title={fullTime(turn.until)}>
      {text({ when: ago(turn.until) })}
    </time>
  );
}

/** A quest that waits for the viewer, in one row. */
export function TurnRow({ quest }: { quest: MyQuestCard }) {
  return (
    <li class="turn" data-category={quest.category}>
      <div>
        <p class="ask">{needOf(quest, quest.role ?? "moderator")}</p>
        <h3 dir="auto">
          <a class="cover" href={`/quests/${quest.questId}`}>
            {quest.title}
          </a>
        </h3>
        <p class="small soft row">
          <CategoryMark category={quest.category} /> <Until turn={quest.turn} />
        </p>
      </div>
    </li>
  );
}
