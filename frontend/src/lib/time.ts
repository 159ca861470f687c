/** Times in the member's own zone and language; input is ISO 8601 as the API writes it. */
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

/** "2 hours ago", "in 3 days", "now". */
export function ago(when: string | number, now: number = Date.now()): string {
  const distance = new Date(when).getTime() - now;
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size) return relative.format(Math.trunc(distance / size), unit);
  }
  return relative.format(0, "second");
}

export const fullTime = (when: string | number): string => dateTime.format(new Date(when));

export const fullDay = (when: string | number): string => day.format(new Date(when));
