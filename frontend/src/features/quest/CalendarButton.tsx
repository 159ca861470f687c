import { useMutation } from "@tanstack/preact-query";
import { download } from "../../lib/download";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Failure } from "../../ui/feedback";
import type { AnyQuest } from "./quest";

interface Props {
  quest: AnyQuest;
  when: NonNullable<AnyQuest["when"]>;
}

/** Takes the quest's time into the member's own calendar; the code that writes the file loads when it is wanted. */
export function CalendarButton({ quest, when }: Props) {
  const save = useMutation({
    mutationFn: async () => {
      const { calendarFile } = await import("../../lib/calendar");
      const text = calendarFile({
        questId: quest.questId,
        title: quest.title,
        start: when.start,
        end: when.end,
        place: quest.meetingPoint ?? quest.area ?? "",
        url: `${location.origin}/quests/${quest.questId}`,
        version: quest.version,
        changedAt: quest.updatedAt,
      });
      download("civicforge.ics", "text/calendar;charset=utf-8", text);
    },
  });
  return (
    <>
      <Button variant="quiet" busy={save.isPending} onClick={() => save.mutate()}>
        {t.quest.calendar}
      </Button>
      <Failure error={save.error} />
    </>
  );
}
