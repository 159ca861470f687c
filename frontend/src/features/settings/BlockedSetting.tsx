import { useMutation } from "@tanstack/preact-query";
import { useRef } from "preact/hooks";
import { unblock } from "../../api/safety";
import type { Me } from "../../api/types";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { announce, Failure } from "../../ui/feedback";
import { Person } from "../../ui/quests";

/** The members that this one has blocked, the way back, and the place of reports and decisions. */
export function BlockedSetting({ me }: { me: Me }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const undo = useMutation({
    mutationFn: unblock,
    onSuccess: () => {
      announce(t.block.undone);
      // The button that was pressed is gone.
      heading.current?.focus();
    },
  });
  const blocked = me.blocked ?? [];
  return (
    <section class="panel stack">
      <h2 ref={heading} tabIndex={-1}>
        {t.block.title}
      </h2>
      {blocked.length === 0 && <p class="soft">{t.block.none}</p>}
      {blocked.map((userId) => (
        <div class="row apart" key={userId}>
          <Person userId={userId} />
          <Button
            variant="quiet"
            busy={undo.isPending && undo.variables === userId}
            onClick={() => !undo.isPending && undo.mutate(userId)}
          >
            {t.block.undo}
          </Button>
        </div>
      ))}
      <Failure error={undo.error} />
      <p>
        <a href="/reports">{t.reports.title}</a>
      </p>
    </section>
  );
}
