import { t } from "../../lib/text";
import { day, duration, timeRange } from "../../lib/time";
import { Person } from "../../ui/quests";
import type { AnyQuest } from "./quest";

export function Facts({ quest, viewerId }: { quest: AnyQuest; viewerId: string | undefined }) {
  const deadline = quest.status === "CLAIMED" && quest.claimDeadline;
  return (
    <dl class="facts">
      <div>
        <dt>{t.quest.by}</dt>
        <dd>
          <Person
            userId={quest.requestorId}
            name={quest.requestorName}
            moderator={quest.requestorModerator}
            you={quest.requestorId === viewerId}
          />
        </dd>
      </div>
      {quest.performerId && (
        <div>
          <dt>{t.quest.performer}</dt>
          <dd>
            <Person
              userId={quest.performerId}
              name={quest.performerName}
              moderator={quest.performerModerator}
              you={quest.performerId === viewerId}
            />
          </dd>
        </div>
      )}
      {quest.when && (
        <div class="wide">
          <dt>{t.quest.when}</dt>
          <dd>
            <time dateTime={quest.when.start}>{timeRange(quest.when.start, quest.when.end)}</time>
          </dd>
        </div>
      )}
      {quest.minutes && (
        <div>
          <dt>{t.quest.minutes}</dt>
          <dd>{duration(quest.minutes)}</dd>
        </div>
      )}
      {quest.meetingPoint && (
        <div class="wide">
          <dt>{t.quest.meetingPoint}</dt>
          <dd dir="auto">{quest.meetingPoint}</dd>
        </div>
      )}
      {quest.area && (
        <div>
          <dt>{t.quest.area}</dt>
          <dd dir="auto">{quest.area}</dd>
        </div>
      )}
      {quest.status === "OPEN" && (
        <div>
          <dt>{t.quest.openUntil}</dt>
          <dd>{day(quest.expiresAt)}</dd>
        </div>
      )}
      {deadline && (
        <div>
          <dt>{t.quest.deadline}</dt>
          <dd>{day(deadline)}</dd>
        </div>
      )}
    </dl>
  );
}
