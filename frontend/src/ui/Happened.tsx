/** Somebody else's change to a quest while the member had it open. */
import { useQuery } from "@tanstack/preact-query";
import { userQuery } from "../api/queries";
import type { QuestView } from "../api/types";
import { t } from "../lib/text";
import { decidedByModerator } from "./quests";

type Happening = keyof typeof t.quest.happened;

/** The change from `before` to `after`, and its author where that can be known; undefined where nothing changed. */
export function happeningOf(
  before: QuestView,
  after: QuestView,
): { what: Happening; who: string | undefined } | undefined {
  if (before.version === after.version && before.status === after.status) return undefined;
  const { requestorId } = after;
  const performerId = after.performerId ?? before.performerId ?? undefined;
  switch (after.status) {
    case "OPEN":
      if (before.status === "OPEN") return { what: "edited", who: requestorId };
      // The one who sees it did not release it; whoever has no part in it cannot tell the other from the clock.
      if (before.role === "performer") return { what: "released", who: requestorId };
      return before.role === "requestor" && before.performerId
        ? { what: "released", who: before.performerId }
        : { what: "reopened", who: undefined };
    case "CLAIMED":
      return before.status === "SUBMITTED"
        ? { what: "changes", who: requestorId }
        : before.status === "DISPUTED"
          ? { what: "decided", who: undefined }
          : { what: "claimed", who: performerId };
    case "SUBMITTED":
      return { what: "submitted", who: performerId };
    case "DISPUTED":
      return { what: "disputed", who: undefined };
    case "COMPLETE":
      return { what: decidedByModerator(after) ? "decided" : "completed", who: undefined };
    case "CANCELLED":
      return before.status === "DISPUTED"
        ? { what: "decided", who: undefined }
        : { what: "cancelled", who: requestorId };
    case "EXPIRED":
      return { what: "expired", who: undefined };
  }
}

export function Happened({ before, after }: { before: QuestView; after: QuestView }) {
  const happening = happeningOf(before, after);
  const { data } = useQuery({ ...userQuery(happening?.who ?? ""), enabled: !!happening?.who });
  if (!happening) return <p>{t.quest.moved}</p>;
  const text = t.quest.happened[happening.what];
  return (
    <p>
      {typeof text === "string" ? text : text({ who: data?.displayName ?? "…" })} <span>{t.quest.moved}</span>
    </p>
  );
}
