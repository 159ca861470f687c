import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { useLocation } from "preact-iso";
import { DecisionDraft, measures } from "../../api/limits.gen";
import { caseQuery, decide } from "../../api/safety";
import type { Case, Measure } from "../../api/types";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { check } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Choices, Select, TextArea } from "../../ui/Field";
import { announce, Failure } from "../../ui/feedback";
import { useDraft, useErrors } from "../../ui/hooks";

const DAY_MS = 86_400_000;
const LENGTHS = ["1", "3", "7", "14", "30", "90", "365"] as const;

interface Values {
  measure: Measure | undefined;
  days: (typeof LENGTHS)[number];
  words: string;
}

const endOf = (days: string): string => new Date(Date.now() + Number(days) * DAY_MS).toISOString();

/** The decision on a report, in words that those concerned read. Nothing is chosen beforehand. */
export function DecisionForm({ report }: { report: Case }) {
  const draft = useDraft<Values>(`decision.${report.reportId}`, { measure: undefined, days: "7", words: "" });
  const { measure, days, words } = draft.values;
  const { errors, setErrors, touched } = useErrors<Values>();
  const client = useQueryClient();
  const { route } = useLocation();
  const change = (patch: Partial<Values>) => {
    draft.change(patch);
    touched(patch);
  };
  const save = useMutation({
    mutationFn: (chosen: Measure) =>
      decide(report.reportId, {
        measure: chosen,
        words: words.trim(),
        ...(chosen === "suspend" && { until: endOf(days) }),
      }),
    onSuccess: () => {
      draft.clear();
      announce(t.moderation.done);
      client.invalidateQueries({ queryKey: ["me", "moderation"] });
      client.invalidateQueries({ queryKey: ["user", report.concernedId] });
      route("/moderation");
    },
    // Another moderator may have been faster: then the case shows what they decided.
    onError: () => client.invalidateQueries({ queryKey: caseQuery(report.reportId).queryKey }),
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found = { ...check({ words }, DecisionDraft), ...(!measure && { measure: t.moderation.choose }) };
    setErrors(found);
    if (measure && Object.keys(found).length === 0 && !save.isPending) save.mutate(measure);
  };
  return (
    <form class="panel stack" onSubmit={submit} noValidate>
      <h2>{t.moderation.decide}</h2>
      <Choices
        legend={t.moderation.measure}
        value={measure}
        options={measures[report.subject.kind].map((name) => [name as Measure, t.measure[name as Measure]] as const)}
        error={errors.measure}
        onValue={(chosen) => change({ measure: chosen })}
      />
      {measure === "suspend" && (
        <Select
          label={t.moderation.length}
          value={days}
          options={LENGTHS.map((length) => [length, t.told.until({ when: fullDay(endOf(length)) })] as const)}
          onValue={(length) => change({ days: length })}
        />
      )}
      <TextArea
        label={t.moderation.label}
        hint={t.moderation.labelHint}
        rule={DecisionDraft.words}
        value={words}
        error={errors.words}
        onValue={(typed) => change({ words: typed })}
      />
      <Failure error={save.error} />
      <div class="row">
        <Button type="submit" variant={measure === "ban" ? "danger" : "primary"} busy={save.isPending}>
          {t.moderation.decide}
        </Button>
      </div>
    </form>
  );
}
