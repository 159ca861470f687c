import { Draft } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import type { QuestDraft } from "../../api/types";
import { t } from "../../lib/text";
import { type Constraint, check, type FieldErrors } from "../../lib/validate";

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

export function problems(values: Values, rules: Rules): FieldErrors<Values> {
  const errors = check(draftOf(values), rules) as FieldErrors<Values>;
  return values.category ? errors : { ...errors, category: t.form.required };
}

export const fieldsOf = (error: unknown): FieldErrors<Values> => (error instanceof ApiError ? error.fields : {});

/** Takes the member to the first field that needs another look. */
export function focusFirstError(form: HTMLElement): void {
  setTimeout(() => form.querySelector<HTMLElement>(".field:has(> .error) :is(input, textarea)")?.focus());
}
