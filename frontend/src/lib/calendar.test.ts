import ICAL from "ical.js";
import { afterEach, describe, expect, it } from "vitest";
import { calendarFile } from "./calendar";
import { instant, localTime } from "./time";

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const appointment = {
  questId: "01JDEMO",
  title: "Carry a sofa; two, strong \\ people\nEND:VEVENT",
  start: "2026-10-25T00:30:00Z",
  end: "2026-10-25T01:30:00Z",
  place: `Mill Lane 7, ${"the blue door ü ".repeat(8)}`.trim(),
  url: "https://example.org/quests/01JDEMO",
  version: 3,
  changedAt: "2026-10-01T08:00:00.123Z",
};

describe("a calendar file", () => {
  const text = calendarFile(appointment);

  it("has the lines of RFC 5545: CRLF, at most 75 octets, words escaped", () => {
    const lines = text.split("\r\n");
    expect(lines.at(-1)).toBe("");
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    for (const line of lines) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
    expect(lines.filter((line) => line === "END:VEVENT")).toHaveLength(1);
    for (const line of ["BEGIN:VCALENDAR", "VERSION:2.0", "UID:01JDEMO@civicforge", "SEQUENCE:3"])
      expect(lines).toContain(line);
  });

  it("says the moments in UTC, whatever the device's zone, over a change of clocks too", () => {
    for (const name of ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"]) {
      process.env.TZ = name;
      const lines = calendarFile(appointment).split("\r\n");
      expect(lines).toContain("DTSTART:20261025T003000Z");
      expect(lines).toContain("DTEND:20261025T013000Z");
      expect(lines).toContain("DTSTAMP:20261001T080000Z");
    }
  });

  it("is read back as it was meant", () => {
    const event = new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent("vevent");
    expect(event?.getFirstPropertyValue("summary")).toBe(appointment.title);
    expect(event?.getFirstPropertyValue("location")).toBe(appointment.place);
    const start = event?.getFirstPropertyValue("dtstart") as ICAL.Time | undefined;
    expect(start?.toJSDate()).toEqual(new Date(appointment.start));
  });
});

describe("the time in a form", () => {
  it.each([
    ["Europe/Berlin", "2026-07-01T08:00:00.000Z", "2026-07-01T10:00"],
    ["Europe/Berlin", "2026-12-01T08:00:00.000Z", "2026-12-01T09:00"],
    ["America/New_York", "2026-12-01T03:00:00.000Z", "2026-11-30T22:00"],
    ["Asia/Kathmandu", "2026-12-01T08:00:00.000Z", "2026-12-01T13:45"],
  ])("of %s is %s there and back", (name, moment, local) => {
    process.env.TZ = name;
    expect(localTime(moment)).toBe(local);
    expect(instant(local)).toBe(moment);
  });

  it("that a change of clocks leaves out is as much later", () => {
    process.env.TZ = "Europe/Berlin";
    expect(localTime(instant("2026-03-29T02:30"))).toBe("2026-03-29T03:30");
  });
});
