import { screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { me, person, problem, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import type { Case } from "../../api/types";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";

const report = (more: Partial<Case> = {}): Case => ({
  reportId: "r1",
  subject: { kind: "message", questId: "q1", messageId: "m2" },
  concernedId: "ben",
  reporterId: "ana",
  reason: "rude",
  words: "He insulted me",
  evidence: "You fool",
  state: "OPEN",
  decisions: [],
  createdAt: "2026-03-01T10:00:00.000Z",
  ...more,
});

const message = (messageId: string, authorId: string, text: string | null) => ({
  messageId,
  authorId,
  text,
  audience: "private",
  createdAt: `2026-03-01T10:0${messageId.slice(1)}:00.000Z`,
});

const WORDS = "Insults have no place here, please read the rules.";

const ANSWERS = {
  "GET /me": me({ userId: "mo", groups: ["moderators"] }),
  "GET /users/ana": person("ana", "Ana"),
  "GET /users/ben": person("ben", "Ben"),
  "GET /users/mo": { ...person("mo", "Mo"), moderator: true },
  "GET /me/quests/q1/messages": {
    items: [message("m2", "ben", "You fool"), message("m1", "ana", "When do you come?")],
    mayWrite: {},
  },
  "GET /moderation/reports": { items: [report()] },
  "GET /moderation/reports/r1": { case: report(), history: [report({ reportId: "r0", state: "DECIDED" })] },
};

const asModerator = () => signInAs("mo", ["moderators"]);

describe("the moderators' queue", () => {
  it("lists what waits, and leads to it", async () => {
    asModerator();
    await serve(ANSWERS);
    open("/");
    await userEvent.click(await screen.findByRole("link", { name: t.nav.moderation }));
    const link = await screen.findByRole("link", { name: new RegExp(t.report.reason.rude) });
    expect(screen.getByText("You fool")).toBeTruthy();
    await userEvent.click(link);
    await waitFor(() => expect(address()).toBe("/moderation/r1"));
  });

  it("says when nothing waits", async () => {
    asModerator();
    await serve({ ...ANSWERS, "GET /moderation/reports": { items: [] } });
    open("/moderation");
    expect(await screen.findByText(t.moderation.empty)).toBeTruthy();
  });

  it("is for moderators alone", async () => {
    signInAs("ben");
    const calls = await serve({ ...ANSWERS, "GET /me": me() });
    open("/moderation");
    expect(await screen.findByText(t.moderation.only)).toBeTruthy();
    expect(screen.queryByRole("link", { name: t.nav.moderation })).toBeNull();
    expect(calls.some(({ path }) => path.startsWith("/moderation"))).toBe(false);
  });
});

describe("a case", () => {
  it("shows the words, the thread in its order and the member's history", async () => {
    asModerator();
    await serve(ANSWERS);
    open("/moderation/r1");
    expect(await screen.findByText("He insulted me")).toBeTruthy();
    expect(await screen.findByText("When do you come?")).toBeTruthy();
    const texts = (await screen.findAllByRole("listitem")).map(({ textContent }) => textContent ?? "");
    const asked = texts.findIndex((text) => text.includes("When do you come?"));
    const insulted = texts.findIndex((text) => text.includes(t.moderation.reportedMessage));
    expect(asked).toBeGreaterThanOrEqual(0);
    expect(insulted).toBeGreaterThan(asked);
    expect(screen.getByText(t.reports.state.DECIDED)).toBeTruthy();
  });

  it("is decided by a choice that is nobody's default, and with words", async () => {
    asModerator();
    const calls = await serve({ ...ANSWERS, "POST /moderation/reports/r1/decide": report({ state: "DECIDED" }) });
    open("/moderation/r1");
    const button = await screen.findByRole("button", { name: t.moderation.decide });
    expect(screen.getAllByRole("radio").filter((radio) => (radio as HTMLInputElement).checked)).toEqual([]);
    expect(screen.queryByRole("radio", { name: t.measure.hide })).toBeNull();
    await userEvent.click(button);
    expect(await screen.findByText(t.moderation.choose)).toBeTruthy();
    await userEvent.click(screen.getByRole("radio", { name: t.measure.warn }));
    await userEvent.click(button);
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
    await userEvent.type(screen.getByLabelText(t.moderation.label), WORDS);
    await userEvent.click(button);
    await waitFor(() => expect(address()).toBe("/moderation"));
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual({ measure: "warn", words: WORDS });
    expect(await screen.findByText(t.moderation.done)).toBeTruthy();
  });

  it("suspends until a day that is shown", async () => {
    asModerator();
    const calls = await serve({ ...ANSWERS, "POST /moderation/reports/r1/decide": report({ state: "DECIDED" }) });
    open("/moderation/r1");
    await userEvent.click(await screen.findByRole("radio", { name: t.measure.suspend }));
    const month = fullDay(Date.now() + 30 * 86_400_000);
    await userEvent.selectOptions(
      screen.getByLabelText(t.moderation.length),
      screen.getByRole("option", { name: t.told.until({ when: month }) }),
    );
    await userEvent.type(screen.getByLabelText(t.moderation.label), WORDS);
    await userEvent.click(screen.getByRole("button", { name: t.moderation.decide }));
    await waitFor(() => expect(calls.some(({ method }) => method === "POST")).toBe(true));
    const body = calls.find(({ method }) => method === "POST")?.body as { until: string } | undefined;
    expect(fullDay(body?.until ?? "")).toBe(month);
  });

  it("that another moderator has decided meanwhile shows what they decided", async () => {
    asModerator();
    const decided = report({
      state: "DECIDED",
      decisions: [{ measure: "ban", words: "Third time.", decidedBy: "operators", decidedAt: "2026-03-02T10:00:00Z" }],
    });
    await serve({ ...ANSWERS, "POST /moderation/reports/r1/decide": problem(409, "already_decided") });
    open("/moderation/r1");
    await userEvent.click(await screen.findByRole("radio", { name: t.measure.warn }));
    await userEvent.type(screen.getByLabelText(t.moderation.label), WORDS);
    await serve({
      ...ANSWERS,
      "POST /moderation/reports/r1/decide": problem(409, "already_decided"),
      "GET /moderation/reports/r1": { case: decided, history: [] },
    });
    await userEvent.click(screen.getByRole("button", { name: t.moderation.decide }));
    expect(await screen.findByText("Third time.")).toBeTruthy();
    expect(screen.getByText(t.moderation.operators, { exact: false })).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.moderation.decide })).toBeNull();
  });

  it.each([
    ["who reported it", report({ reporterId: "mo" })],
    ["whom it concerns", report({ concernedId: "mo" })],
    [
      "who decided it before the objection",
      report({
        state: "OBJECTED",
        objection: "It was meant as a joke between friends.",
        decisions: [{ measure: "warn", words: WORDS, decidedBy: "mo", decidedAt: "2026-03-02T10:00:00Z" }],
      }),
    ],
  ])("is not decided by a moderator %s", async (_, found) => {
    asModerator();
    await serve({ ...ANSWERS, "GET /moderation/reports/r1": { case: found, history: [] } });
    open("/moderation/r1");
    expect(await screen.findByText(t.moderation.denied)).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.moderation.decide })).toBeNull();
  });

  it("shows an objection to whoever decides next, with every measure", async () => {
    asModerator();
    const found = report({
      state: "OBJECTED",
      objection: "It was meant as a joke between friends.",
      decisions: [{ measure: "suspend", words: WORDS, decidedBy: "eve", decidedAt: "2026-03-02T10:00:00Z" }],
    });
    await serve({
      ...ANSWERS,
      "GET /users/eve": person("eve", "Eve"),
      "GET /moderation/reports/r1": { case: found, history: [] },
    });
    open("/moderation/r1");
    expect(await screen.findByText("It was meant as a joke between friends.")).toBeTruthy();
    const form = screen.getByRole("group", { name: t.moderation.measure });
    expect(within(form).getByRole("radio", { name: t.measure.reinstate })).toBeTruthy();
    expect(await screen.findByRole("link", { name: "Eve" })).toBeTruthy();
  });
});
