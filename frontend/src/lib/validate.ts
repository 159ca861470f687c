import { t } from "./text";

/** The constraints of one property in the API's document (see `npm run gen`). */
export interface Constraint {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Constraint;
}

export type FieldErrors<T> = Partial<Record<keyof T & string, string>>;

/** The API counts code points, JavaScript's length counts UTF-16 units: an emoji is one and two. */
export const lengthOf = (text: string): number => [...text].length;

function problem(value: unknown, rule: Constraint): string | undefined {
  if (typeof value === "number") {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = rule;
    return Number.isInteger(value) && value >= minimum && value <= maximum
      ? undefined
      : t.form.between({ min: minimum, max: maximum });
  }
  if (Array.isArray(value)) {
    if (rule.maxItems !== undefined && value.length > rule.maxItems) return t.form.atMostItems({ max: rule.maxItems });
    const { items } = rule;
    return items?.maxLength && value.some((item) => problem(item, items))
      ? t.form.eachTooLong({ count: items.maxLength })
      : undefined;
  }
  const length = lengthOf(String(value ?? "").trim());
  if (rule.minLength !== undefined && length < rule.minLength) {
    return length === 0 ? t.form.required : t.form.tooShort({ count: rule.minLength });
  }
  return rule.maxLength !== undefined && length > rule.maxLength
    ? t.form.tooLong({ count: rule.maxLength })
    : undefined;
}

/** The fields of `values` that the API would refuse, with what to say about each. */
export function check<T extends object>(values: T, rules: { readonly [field: string]: Constraint }): FieldErrors<T> {
  const errors: FieldErrors<T> = {};
  for (const [field, value] of Object.entries(values)) {
    const found = rules[field] && problem(value, rules[field]);
    if (found) errors[field as keyof T & string] = found;
  }
  return errors;
}
