import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { type Call, me, problem, serve, signInAs } from "../../../test/api";
import { open } from "../../../test/page";
import type { Report } from "../../api/types";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";

const report = (more: Partial<Report> = {}): Report => ({
  reportId: "r1",
  subject: { kind: "member", userId: "ben" },
  state: "DECIDED",
  reason: "rude",
  createdAt: "2026-03-01T10:00:00.000Z",
  decisions: [
    {
      measure: "suspend",
      words: "You insulted two neighbours.",
      until: "2099-05-01T10:00:00.000Z",
      decidedAt: "2026-03-02T10:00:00.000Z",
    },
  ],
  mayObject: true,
  ...more,
});

const UNTIL = "2099-05-01T10:00:00.000Z";
const OBJECTION = "They insulted me first, please read the whole thread.";

const sides = (concerned: Report[], made: Report[]) => ({
  "GET /me": me({ suspendedUntil: UNTIL }),
  "GET /me/reports": ({ query }: Call) => ({ items: query.get("side") === "concerned" ? concerned : made }),
});

describe("reports and decisions", () => {
  it("tell a suspended member why, until when and what they may still do, on every screen", async () => {
    signInAs("ben");
    await serve(sides([report()], []));
    open("/reports");
    expect(await screen.findByText("You insulted two neighbours.")).toBeTruthy();
    expect(screen.getByText(t.told.until({ when: fullDay(UNTIL) }))).toBeTruthy();
    expect(screen.getByText(t.banner.suspended({ when: fullDay(UNTIL) }), { exact: false })).toBeTruthy();
    expect(screen.getByText(t.reports.noneMade)).toBeTruthy();
  });

  it("say nothing of a suspension that is over, and that a ban has no end", async () => {
    signInAs("ben");
    await serve({ ...sides([], []), "GET /me": me({ suspendedUntil: "2020-01-01T00:00:00.000Z" }) });
    const { unmount } = open("/reports");
    await screen.findByText(t.reports.noneMade);
    expect(screen.queryByRole("link", { name: t.banner.why })).toBeNull();
    unmount();
    signInAs("cara");
    await serve({ ...sides([], []), "GET /me": me({ userId: "cara", suspendedUntil: "9999-12-31T00:00:00.000Z" }) });
    open("/reports");
    expect(await screen.findByText(t.banner.banned, { exact: false })).toBeTruthy();
  });

  it("take an objection in words, once", async () => {
    signInAs("ben");
    let found = report();
    const objected = () => {
      found = report({ state: "OBJECTED", mayObject: false, objection: OBJECTION });
      return found;
    };
    const calls = await serve({
      ...sides([], []),
      "GET /me/reports": ({ query }: Call) => ({ items: query.get("side") === "concerned" ? [found] : [] }),
      "POST /me/reports/r1/objection": objected,
    });
    open("/reports");
    await userEvent.click(await screen.findByRole("button", { name: t.reports.object }));
    await userEvent.click(screen.getByRole("button", { name: t.reports.objectConfirm }));
    expect(await screen.findByText(t.form.required)).toBeTruthy();
    await userEvent.type(screen.getByLabelText(t.reports.objectLabel), OBJECTION);
    await userEvent.click(screen.getByRole("button", { name: t.reports.objectConfirm }));
    expect(await screen.findByText(t.reports.objected)).toBeTruthy();
    expect(await screen.findByText(OBJECTION)).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.reports.object })).toBeNull();
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual({ reason: OBJECTION });
  });

  it("keep the words of an objection that did not arrive", async () => {
    signInAs("ben");
    await serve({ ...sides([report()], []), "POST /me/reports/r1/objection": problem(409, "not_decided") });
    open("/reports");
    await userEvent.click(await screen.findByRole("button", { name: t.reports.object }));
    await userEvent.type(screen.getByLabelText(t.reports.objectLabel), OBJECTION);
    await userEvent.click(screen.getByRole("button", { name: t.reports.objectConfirm }));
    expect(await screen.findByText(t.codes.not_decided)).toBeTruthy();
    await waitFor(() =>
      expect((screen.getByLabelText(t.reports.objectLabel) as HTMLTextAreaElement).value).toBe(OBJECTION),
    );
  });

  it("show what became of one's own reports", async () => {
    signInAs("ben");
    const made = report({ mayObject: false, words: "Look at his bio", subject: { kind: "quest", questId: "q9" } });
    await serve({ ...sides([], [made]), "GET /me": me() });
    open("/reports");
    expect(await screen.findByText("Look at his bio")).toBeTruthy();
    expect(screen.getByRole("link", { name: t.reports.see }).getAttribute("href")).toBe("/quests/q9");
  });
});
