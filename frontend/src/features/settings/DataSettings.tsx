import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useRef, useState } from "preact/hooks";
import { exportMe, restoreMe } from "../../api/actions";
import { meQuery } from "../../api/queries";
import { sessionState } from "../../api/session";
import type { Me } from "../../api/types";
import { download } from "../../lib/download";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { Button } from "../../ui/Button";
import { announce, Failure, Note } from "../../ui/feedback";
import { DeletionForm } from "./DeletionForm";

export function DataSettings({ me }: { me: Me }) {
  const client = useQueryClient();
  const heading = useRef<HTMLHeadingElement>(null);
  const update = (saved: Me, news: string) => {
    client.setQueryData(meQuery().queryKey, saved);
    announce(news);
  };
  const [deleting, setDeleting] = useState<boolean>();
  const opener = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (deleting === false) opener.current?.querySelector("button")?.focus();
  }, [deleting]);
  // The button that was pressed is gone with the account's old state.
  const before = useRef(me.deletionAt);
  useEffect(() => {
    if (before.current !== me.deletionAt) heading.current?.focus();
    before.current = me.deletionAt;
  }, [me.deletionAt]);
  const exporting = useMutation({
    mutationFn: exportMe,
    onSuccess: (data) => {
      // The address is the user pool's alone: the API does not know it.
      const all = { ...data, email: sessionState().session?.email };
      download("civicforge.json", "application/json", JSON.stringify(all, null, 2));
      announce(t.settings.exported);
    },
  });
  const restore = useMutation({
    mutationFn: restoreMe,
    onSuccess: (saved) => update(saved, t.settings.restored),
  });
  return (
    <section class="panel stack">
      <h2 ref={heading} tabIndex={-1}>
        {t.settings.data}
      </h2>
      <Failure error={exporting.error ?? restore.error} />
      <div class="row">
        <Button variant="quiet" busy={exporting.isPending} onClick={() => exporting.mutate()}>
          {t.settings.export}
        </Button>
      </div>
      {deleting && !me.deletionAt ? (
        <DeletionForm
          onClose={() => setDeleting(false)}
          onLeaving={(saved) => {
            setDeleting(false);
            update(saved, t.settings.leaving);
          }}
        />
      ) : me.deletionAt ? (
        <Note variant="warm" icon="clock">
          <div class="stack tight">
            <p>{t.settings.deletionAt({ when: fullDay(me.deletionAt) })}</p>
            <div class="row">
              <Button busy={restore.isPending} onClick={() => restore.mutate()}>
                {t.settings.restore}
              </Button>
            </div>
          </div>
        </Note>
      ) : (
        <div class="row" ref={opener}>
          <Button variant="danger" onClick={() => setDeleting(true)}>
            {t.settings.delete}
          </Button>
        </div>
      )}
    </section>
  );
}
