import { Category, Draft } from "../../api/limits.gen";
import type { QuestDraft } from "../../api/types";
import { t } from "../../lib/text";
import type { Constraint, FieldErrors } from "../../lib/validate";
import { Choices, Input, TextArea } from "../../ui/Field";
import { QuestTicket } from "../../ui/quests";

/** The form's values: numbers and tags as typed. */
export interface Values {
  title: string;
  description: string;
  category: QuestDraft["category"] | "";
  tags: string;
  area: string;
  rewardXp: string;
  rewardReputation: string;
}

export type Rules = Record<Exclude<keyof Values, "category">, Constraint>;

export const DRAFT_RULES: Rules = Draft;

export function valuesOf(quest: QuestDraft): Values {
  return {
    ...quest,
    tags: quest.tags.join(", "),
    rewardXp: String(quest.rewardXp),
    rewardReputation: String(quest.rewardReputation),
  };
}

/** What the API is sent; `category` is checked before. */
export function draftOf(values: Values): QuestDraft {
  const tags = values.tags.split(",").map((tag) => tag.trim());
  return {
    title: values.title.trim(),
    description: values.description.trim(),
    category: values.category || "other",
    tags: [...new Set(tags.filter(Boolean))],
    area: values.area.trim(),
    rewardXp: Number(values.rewardXp),
    rewardReputation: Number(values.rewardReputation),
  };
}

interface Props {
  values: Values;
  errors: FieldErrors<Values>;
  rules?: Rules;
  rewardHint?: string;
  onChange: (patch: Partial<Values>) => void;
}

export function QuestFields({ values, errors, rules = DRAFT_RULES, rewardHint, onChange }: Props) {
  const bind = (field: keyof Rules) => ({
    value: values[field],
    error: errors[field],
    rule: rules[field],
    onValue: (value: string) => onChange({ [field]: value }),
  });
  const range = ({ minimum = 0, maximum = 0 }: Constraint) => rewardHint ?? `${minimum} – ${maximum}`;
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
      <Input label={t.compose.area} hint={t.compose.areaHint} optional {...bind("area")} />
      <Input label={t.compose.tags} hint={t.compose.tagsHint(Draft.tags.maxItems)} optional {...bind("tags")} />
      <div class="pair">
        <Input label={t.compose.rewardXp} type="number" hint={range(rules.rewardXp)} {...bind("rewardXp")} />
        <Input
          label={t.compose.rewardReputation}
          type="number"
          hint={range(rules.rewardReputation)}
          {...bind("rewardReputation")}
        />
      </div>
    </>
  );
}

export function Preview({ values }: { values: Values }) {
  const draft = draftOf(values);
  return (
    <section class="preview stack" aria-labelledby="preview">
      <h2 id="preview">{t.compose.preview}</h2>
      <QuestTicket
        preview
        quest={{
          ...draft,
          category: values.category || undefined,
          questId: "",
          title: draft.title || t.compose.untitled,
          status: "OPEN",
          createdAt: new Date().toISOString(),
        }}
      />
      <p class="small soft">{t.compose.previewNote}</p>
    </section>
  );
}
