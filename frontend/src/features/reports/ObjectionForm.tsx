import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { ReasonBody } from "../../api/limits.gen";
import { myReportsQuery, objectToDecision } from "../../api/safety";
import { t } from "../../lib/text";
import { check } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { TextArea } from "../../ui/Field";
import { announce, Failure } from "../../ui/feedback";
import { useDraft, useErrors, useFocus } from "../../ui/hooks";

export function ObjectionForm({ reportId, onClose }: { reportId: string; onClose: () => void }) {
  const draft = useDraft(`objection.${reportId}`, { reason: "" });
  const { errors, setErrors, touched } = useErrors<{ reason: string }>();
  const client = useQueryClient();
  const heading = useFocus<HTMLHeadingElement>();
  const send = useMutation({
    mutationFn: () => objectToDecision(reportId, draft.values.reason.trim()),
    onSuccess: () => {
      draft.clear();
      announce(t.reports.objected);
      onClose();
    },
    onSettled: () => client.invalidateQueries({ queryKey: myReportsQuery("concerned").queryKey }),
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found = check(draft.values, ReasonBody);
    setErrors(found);
    if (!found.reason && !send.isPending) send.mutate();
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <h4 ref={heading} tabIndex={-1}>
        {t.reports.object}
      </h4>
      <p class="soft">{t.reports.objectAsk}</p>
      <TextArea
        label={t.reports.objectLabel}
        rule={ReasonBody.reason}
        value={draft.values.reason}
        error={errors.reason}
        onValue={(reason) => {
          draft.change({ reason });
          touched({ reason });
        }}
      />
      <Failure error={send.error} />
      <div class="row">
        <Button type="submit" busy={send.isPending}>
          {t.reports.objectConfirm}
        </Button>
        <Button variant="plain" onClick={onClose}>
          {t.common.cancel}
        </Button>
      </div>
    </form>
  );
}
