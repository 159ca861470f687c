import { Category, Draft } from "../../api/limits.gen";
import { t } from "../../lib/text";
import { instant, localTime, zone } from "../../lib/time";
import type { Constraint, FieldErrors } from "../../lib/validate";
import { Choices, Input, TextArea } from "../../ui/Field";
import { DRAFT_RULES, type Rules, type Values } from "./values";

interface Props {
  values: Values;
  errors: FieldErrors<Values>;
  rules?: Rules;
  rewardHint?: string;
  onChange: (patch: Partial<Values>) => void;
}

function endOf(start: string, minutes: string): string {
  const length = Math.max(Number(minutes) || 0, Draft.minutes.minimum) * 60_000;
  return localTime(new Date(Date.parse(instant(start)) + length).toISOString());
}

export function QuestFields({ values, errors, rules = DRAFT_RULES, rewardHint, onChange }: Props) {
  const bind = (field: keyof Rules) => ({
    value: values[field],
    error: errors[field],
    rule: rules[field],
    onValue: (value: string) => onChange({ [field]: value }),
  });
  const range = ({ minimum = 0, maximum = 0 }: Constraint) => t.form.range({ min: minimum, max: maximum });
  return (
    <>
      <Input label={t.compose.title} hint={t.compose.titleHint} {...bind("title")} />
      <Choices
        legend={t.compose.category}
        value={values.category || undefined}
        error={errors.category}
        options={Category.map((category) => [category, t.category[category]] as const)}
        onValue={(category) => onChange({ category })}
      />
      <TextArea label={t.compose.description} hint={t.compose.descriptionHint} {...bind("description")} />
      <div class="pair times">
        <Input
          label={t.compose.start}
          type="datetime-local"
          optional
          value={values.start}
          error={errors.start}
          // Whoever says when it begins is helped with the end: as long after it as the work takes.
          onValue={(start) => onChange({ start, ...(start && !values.end && { end: endOf(start, values.minutes) }) })}
        />
        <Input
          label={t.compose.end}
          type="datetime-local"
          optional
          value={values.end}
          error={errors.end}
          onValue={(end) => onChange({ end })}
        />
      </div>
      <p class="small soft">{t.compose.whenHint({ zone: zone() })}</p>
      <Input label={t.compose.minutes} type="number" hint={range(rules.minutes)} {...bind("minutes")} />
      <Input label={t.compose.area} hint={t.compose.areaHint} optional {...bind("area")} />
      <Input label={t.compose.meetingPoint} hint={t.compose.meetingPointHint} optional {...bind("meetingPoint")} />
      <Input
        label={t.compose.tags}
        hint={t.compose.tagsHint({ max: Draft.tags.maxItems })}
        optional
        {...bind("tags")}
      />
      <div class="pair">
        <Input
          label={t.compose.rewardXp}
          type="number"
          hint={rewardHint ?? range(rules.rewardXp)}
          {...bind("rewardXp")}
        />
        <Input
          label={t.compose.rewardReputation}
          type="number"
          hint={rewardHint ?? range(rules.rewardReputation)}
          {...bind("rewardReputation")}
        />
      </div>
    </>
  );
}
