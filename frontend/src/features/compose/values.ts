import { Draft } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import type { QuestDraft } from "../../api/types";
import { t } from "../../lib/text";
import { instant, localTime } from "../../lib/time";
import { type Constraint, check, type FieldErrors } from "../../lib/validate";

/** The form's values: numbers and tags as typed. */
export interface Values {
  title: string;
  description: string;
  category: QuestDraft["category"] | "";
  tags: string;
  area: string;
  /** As the browser's field has it: local time without a zone; empty means "any time". */
  start: string;
  end: string;
  minutes: string;
  meetingPoint: string;
  rewardXp: string;
  rewardReputation: string;
}

export type Rules = Record<Exclude<keyof Values, "category" | "start" | "end">, Constraint>;

export const DRAFT_RULES: Rules = Draft;

export function valuesOf(quest: QuestDraft): Values {
  return {
    ...quest,
    tags: quest.tags.join(", "),
    start: quest.when ? localTime(quest.when.start) : "",
    end: quest.when ? localTime(quest.when.end) : "",
    minutes: String(quest.minutes),
    rewardXp: String(quest.rewardXp),
    rewardReputation: String(quest.rewardReputation),
  };
}

/** The draft for the API; `category` is checked before. */
export function draftOf(values: Values): QuestDraft {
  const tags = values.tags.split(",").map((tag) => tag.trim());
  return {
    title: values.title.trim(),
    description: values.description.trim(),
    category: values.category || "other",
    tags: [...new Set(tags.filter(Boolean))],
    area: values.area.trim(),
    when: values.start && values.end ? { start: instant(values.start), end: instant(values.end) } : null,
    minutes: Number(values.minutes),
    meetingPoint: values.meetingPoint.trim(),
    rewardXp: Number(values.rewardXp),
    rewardReputation: Number(values.rewardReputation),
  };
}

function windowProblems({ start, end }: Values, now: number): FieldErrors<Values> {
  if (!start && !end) return {};
  if (!start) return { start: t.form.required };
  if (!end) return { end: t.form.required };
  if (Date.parse(instant(end)) <= Date.parse(instant(start))) return { end: t.compose.endFirst };
  return Date.parse(instant(end)) <= now ? { end: t.compose.past } : {};
}

export function problems(values: Values, rules: Rules, now: number = Date.now()): FieldErrors<Values> {
  const errors: FieldErrors<Values> = { ...check(draftOf(values), rules), ...windowProblems(values, now) };
  return values.category ? errors : { ...errors, category: t.form.required };
}

/** The API knows one window where the form has two fields. */
export function fieldsOf(error: unknown): FieldErrors<Values> {
  if (!(error instanceof ApiError)) return {};
  const { when, ...others } = error.fields;
  return { ...others, ...(when && { end: when }) };
}

/** Takes the member to the first field that needs another look. */
export function focusFirstError(form: HTMLElement): void {
  setTimeout(() => form.querySelector<HTMLElement>(".field:has(> .error) :is(input, textarea)")?.focus());
}
