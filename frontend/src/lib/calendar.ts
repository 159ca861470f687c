/** A quest's time as a calendar file (RFC 5545). Times are in UTC, so that every zone and change of clocks is right. */
import ICAL from "ical.js";

export interface Appointment {
  questId: string;
  title: string;
  /** ISO 8601. */
  start: string;
  end: string;
  /** The meeting point where the viewer may know it, else the area. */
  place: string;
  url: string;
  /** Grows with each change of the quest: a calendar then replaces what it has. */
  version: number;
  /** ISO 8601. */
  changedAt: string;
}

// The library counts a folded line without the space that it begins with; RFC 5545, section 3.1, counts it.
ICAL.foldLength = 74;

const utc = (iso: string) => ICAL.Time.fromJSDate(new Date(iso), true);

/** The file's text, with CRLF and lines of at most 75 octets. */
export function calendarFile(appointment: Appointment): string {
  const calendar = new ICAL.Component("vcalendar");
  calendar.addPropertyWithValue("version", "2.0");
  calendar.addPropertyWithValue("prodid", "-//CivicForge//EN");
  const event = new ICAL.Component("vevent");
  event.addPropertyWithValue("uid", `${appointment.questId}@civicforge`);
  event.addPropertyWithValue("dtstamp", utc(appointment.changedAt));
  event.addPropertyWithValue("sequence", appointment.version);
  event.addPropertyWithValue("dtstart", utc(appointment.start));
  event.addPropertyWithValue("dtend", utc(appointment.end));
  event.addPropertyWithValue("summary", appointment.title);
  if (appointment.place) event.addPropertyWithValue("location", appointment.place);
  event.addPropertyWithValue("url", appointment.url);
  calendar.addSubcomponent(event);
  return `${calendar.toString()}\r\n`;
}
