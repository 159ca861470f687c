import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { person, problem, serve, signInAs, view } from "../../test/api";
import { open } from "../../test/page";
import { t } from "../lib/text";

const QUEST = { "GET /me/quests/q1": view([]), "GET /users/ana": person("ana", "Ana") };
const sent = { reportId: "r1", state: "OPEN" };

describe("a report", () => {
  it("takes two taps and goes out once, with its reason", async () => {
    signInAs("ben");
    const calls = await serve({ ...QUEST, "POST /reports": sent });
    open("/quests/q1");
    await userEvent.click(await screen.findByRole("button", { name: t.report.name }));
    await userEvent.click(screen.getByRole("button", { name: t.report.reason.fraud }));
    const [note] = await screen.findAllByText(t.report.sent, { exact: false });
    expect(note).toBeTruthy();
    const reports = calls.filter(({ path }) => path === "/reports");
    expect(reports.map(({ body }) => body)).toEqual([
      { subject: { kind: "quest", questId: "q1" }, reason: "fraud", words: "" },
    ]);
    expect(screen.getByRole("link", { name: t.report.follow }).getAttribute("href")).toBe("/reports");
  });

  it("is the same one when it is sent again after a lost answer, and another one for another reason", async () => {
    signInAs("ben");
    const calls = await serve({ ...QUEST, "POST /reports": problem(503, "store_unavailable") });
    open("/quests/q1");
    await userEvent.click(await screen.findByRole("button", { name: t.report.name }));
    await userEvent.type(screen.getByLabelText(t.report.words, { exact: false }), "Asks for money");
    for (const reason of ["spam", "spam", "rude"] as const) {
      await userEvent.click(await screen.findByRole("button", { name: t.report.reason[reason] }));
      await screen.findByText(t.errors.server);
    }
    const keys = calls.filter(({ path }) => path === "/reports").map(({ headers }) => headers.get("idempotency-key"));
    expect(keys).toHaveLength(3);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it("can be given up, by Escape too, and the focus comes back", async () => {
    signInAs("ben");
    await serve(QUEST);
    open("/quests/q1");
    await userEvent.click(await screen.findByRole("button", { name: t.report.name }));
    await userEvent.keyboard("{Escape}");
    const button = await screen.findByRole("button", { name: t.report.name });
    await waitFor(() => expect(document.activeElement).toBe(button));
  });

  it("is offered neither to visitors nor of one's own", async () => {
    signInAs("ana");
    await serve({ ...QUEST, "GET /me/quests/q1": view([], { role: "requestor" }) });
    open("/quests/q1");
    expect(await screen.findByRole("button", { name: t.quest.share.name })).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.report.name })).toBeNull();
  });
});
