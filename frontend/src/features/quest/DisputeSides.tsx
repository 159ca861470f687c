import type { QuestView, Role } from "../../api/types";
import { t } from "../../lib/text";
import { ago, fullTime } from "../../lib/time";
import { Person } from "../../ui/quests";
import type { AnyQuest } from "./quest";

type Dispute = NonNullable<QuestView["dispute"]>;

interface Props {
  quest: AnyQuest;
  dispute: Dispute;
  names: Record<Role, string>;
}

/** Both sides of a dispute by their names, what each says, and the decision, which stays readable for both. */
export function DisputeSides({ quest, dispute, names }: Props) {
  const raisedBy: Role = dispute.raisedBy === quest.requestorId ? "requestor" : "performer";
  const otherSide: Role = raisedBy === "requestor" ? "performer" : "requestor";
  // Who was the performer may be none any more.
  const former = quest.former?.at(-1)?.userId;
  const idOf = (role: Role) => (role === "requestor" ? quest.requestorId : (quest.performerId ?? former));
  const other = idOf(otherSide);
  return (
    <section class="stack" aria-labelledby="dispute">
      <h2 id="dispute">{t.quest.disputeTitle}</h2>
      <div class="beside">
        <section class="stack tight quoted" aria-labelledby="side-raised">
          <h3 id="side-raised">
            <Person userId={dispute.raisedBy} /> <span class="small soft">{t.quest.raisedIt}</span>
          </h3>
          <p class="plain-text">{dispute.reason}</p>
        </section>
        <section class="stack tight quoted" aria-labelledby="side-other">
          <h3 id="side-other">
            {other ? <Person userId={other} /> : names[otherSide]} <span class="small soft">{t.quest.otherSide}</span>
          </h3>
          {dispute.statement ? (
            <p class="plain-text">{dispute.statement}</p>
          ) : dispute.decidedAt ? (
            <p class="soft">{t.quest.saidNothing}</p>
          ) : (
            <p class="soft">
              {dispute.statementUntil
                ? t.quest.maySpeakUntil({ when: fullTime(dispute.statementUntil) })
                : t.quest.hasNotSpoken({ ago: ago(dispute.raisedAt) })}
            </p>
          )}
        </section>
      </div>
      {dispute.decision && dispute.outcome && (
        <section class="stack tight handed-in" aria-labelledby="decision">
          <h3 id="decision">{t.quest.decision}</h3>
          <p>
            <strong>{t.action.resolve.outcomes[dispute.outcome]}</strong>
          </p>
          <p class="plain-text">{dispute.decision}</p>
        </section>
      )}
    </section>
  );
}
