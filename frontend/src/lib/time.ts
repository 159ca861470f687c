/** Times in the member's own zone and locale; input is ISO 8601 as the API writes it, or milliseconds since the epoch. */
import { locale } from "./text";

const DAY_MS = 86_400_000;
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["hour", 3_600_000],
  ["minute", 60_000],
];

const two = (value: number): string => String(value).padStart(2, "0");

/** The value of a `datetime-local` field for a moment: "2026-11-28T10:00", in the member's own zone. */
export function localTime(when: string): string {
  const date = new Date(when);
  const day = [String(date.getFullYear()).padStart(4, "0"), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The moment that such a field means. A time that a change of clocks leaves out is as much later. */
export const instant = (local: string): string => new Date(local).toISOString();

/** The number of the local calendar day: days that a change of clocks makes longer or shorter count as one. */
function dayNumber(when: number): number {
  const date = new Date(when);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;
}

/** "2 hours ago", "tomorrow", "in 3 days", "now". From 24 hours on it counts calendar days. */
export function ago(when: string | number, now: number = Date.now()): string {
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  const then = new Date(when).getTime();
  const distance = then - now;
  if (Math.abs(distance) >= DAY_MS) return relative.format(dayNumber(then) - dayNumber(now), "day");
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size) return relative.format(Math.trunc(distance / size), unit);
  }
  return relative.format(0, "second");
}

const format = (when: string | number, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(locale(), options).format(new Date(when));

export const fullTime = (when: string | number): string => format(when, { dateStyle: "medium", timeStyle: "short" });

export const day = (when: string | number): string => format(when, { dateStyle: "medium" });

export const fullDay = (when: string | number): string => format(when, { dateStyle: "long" });

/** "November 2026". */
export const month = (when: string | number): string => format(when, { month: "long", year: "numeric" });

/** "Sat 28 Nov, 10:00 – 11:00"; both ends in full where they are on different days. */
export const timeRange = (start: string, end: string): string =>
  new Intl.DateTimeFormat(locale(), {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "numeric",
    minute: "2-digit",
  }).formatRange(new Date(start), new Date(end));

/** The member's zone as their language names it: "Central European Standard Time"; changes with the clocks. */
export const zone = (): string =>
  new Intl.DateTimeFormat(locale(), { timeZoneName: "longGeneric" })
    .formatToParts(new Date())
    .find(({ type }) => type === "timeZoneName")?.value ?? "";

/** "30 min", "1.5 hr". */
export function duration(minutes: number): string {
  const [value, unit] = minutes < 60 ? [minutes, "minute"] : [minutes / 60, "hour"];
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: 1,
  }).format(value);
}

/** The Saturday and Sunday that are now or come next, in local time; milliseconds since the epoch, the end excluded. */
export function nextWeekend(now: number): { start: number; end: number } {
  const today = new Date(now);
  const days = today.getDay() === 0 ? -1 : 6 - today.getDay();
  const day = (offset: number) => new Date(today.getFullYear(), today.getMonth(), today.getDate() + offset).getTime();
  return { start: day(days), end: day(days + 2) };
}
