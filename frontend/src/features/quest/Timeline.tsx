import type { Quest, QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { fullTime } from "../../lib/time";

interface Event {
  at: string;
  name: string;
}

/** Everything that happened to the quest and that the viewer may know, oldest first. */
export function eventsOf(
  quest: Quest & Partial<QuestView>,
  nameOf: (role: "requestor" | "performer") => string,
): Event[] {
  const { dispute } = quest;
  const moment = (name: "createdAt" | "claimedAt" | "submittedAt" | "completedAt" | "cancelledAt" | "expiredAt") => ({
    at: quest[name],
    name: t.quest.events[name],
  });
  // In the order in which they can happen: what has the same time stays in it.
  const events = [
    ...(["createdAt", "claimedAt"] as const).map(moment),
    ...(quest.changeRequests ?? []).map(({ requestedAt }) => ({ at: requestedAt, name: t.quest.events.changes })),
    moment("submittedAt"),
    ...(quest.attestations ?? []).map(({ attestedAt, role }) => ({
      at: attestedAt,
      name: t.quest.events.attestedBy({ who: nameOf(role) }),
    })),
    { at: dispute?.raisedAt, name: t.quest.events.disputed },
    { at: dispute?.decidedAt, name: t.quest.events.decided },
    ...(["completedAt", "cancelledAt", "expiredAt"] as const).map(moment),
  ];
  return events.filter((event): event is Event => !!event.at).sort((a, b) => a.at.localeCompare(b.at));
}

export function Timeline({ events }: { events: readonly Event[] }) {
  return (
    <ol class="timeline">
      {events.map(({ at, name }) => (
        <li key={name + at}>
          <strong>{name}</strong>
          <time class="small soft" dateTime={at}>
            {fullTime(at)}
          </time>
        </li>
      ))}
    </ol>
  );
}
