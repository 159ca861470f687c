import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { person, problem, serve, signInAs, view } from "../../test/api";
import { address, open } from "../../test/page";
import type { QuestView } from "../api/types";
import { t } from "../lib/text";
import { happeningOf } from "./Happened";

const quest = (more: Partial<QuestView>) => view([], { performerId: "ben", ...more });
const people = { "GET /users/ana": person("ana", "Ana"), "GET /users/ben": person("ben", "Ben") };

describe("what happened to a quest", () => {
  it.each<[string, Partial<QuestView>, Partial<QuestView>, unknown]>([
    ["nothing", { status: "OPEN", version: 3 }, { status: "OPEN", version: 3 }, undefined],
    ["an edit", { status: "OPEN" }, { status: "OPEN", version: 2 }, { what: "edited", who: "ana" }],
    ["a claim", { status: "OPEN" }, { status: "CLAIMED", version: 2 }, { what: "claimed", who: "ben" }],
    [
      "a release, seen by who had it",
      { status: "CLAIMED", role: "performer" },
      { status: "OPEN", version: 2 },
      { what: "released", who: "ana" },
    ],
    [
      "a release, seen by who asked",
      { status: "CLAIMED", role: "requestor" },
      { status: "OPEN", version: 2, performerId: null },
      { what: "released", who: "ben" },
    ],
    ["work handed in", { status: "CLAIMED" }, { status: "SUBMITTED", version: 2 }, { what: "submitted", who: "ben" }],
    ["changes wanted", { status: "SUBMITTED" }, { status: "CLAIMED", version: 2 }, { what: "changes", who: "ana" }],
    ["a dispute", { status: "SUBMITTED" }, { status: "DISPUTED", version: 2 }, { what: "disputed", who: undefined }],
    ["a decision", { status: "DISPUTED" }, { status: "CLAIMED", version: 2 }, { what: "decided", who: undefined }],
    ["a cancellation", { status: "OPEN" }, { status: "CANCELLED", version: 2 }, { what: "cancelled", who: "ana" }],
    ["the end of its time", { status: "OPEN" }, { status: "EXPIRED", version: 2 }, { what: "expired", who: undefined }],
    [
      "both words",
      { status: "SUBMITTED" },
      { status: "COMPLETE", version: 2, attestedBy: ["requestor", "performer"] },
      { what: "completed", who: undefined },
    ],
  ])("is told: %s", (_, before, after, expected) => {
    expect(happeningOf(quest(before), quest(after))).toEqual(expected);
  });

  it("is said to who was about to hand in, with their words, whatever code the refusal has", async () => {
    signInAs("ben");
    const mine = view(["submit"], { status: "CLAIMED", role: "performer", performerId: "ben" });
    await serve({
      ...people,
      "GET /me/quests/q1": mine,
      "POST /quests/q1/submit": problem(403, "not_performer"),
    });
    open("/quests/q1?do=submit");
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText(t.action.submit.label), "Carried it up, every step.");
    await serve({
      ...people,
      "GET /me/quests/q1": view(["claim"], { status: "OPEN", version: 2, performerId: null }),
      "POST /quests/q1/submit": problem(403, "not_performer"),
      "GET /quests": { items: [] },
    });
    await user.click(screen.getByRole("button", { name: t.action.submit.confirm }));
    expect(await screen.findByText(t.quest.happened.released({ who: "Ana" }), { exact: false })).toBeTruthy();
    expect(screen.getByText("Carried it up, every step.")).toBeTruthy();
    await waitFor(() => expect(address()).toBe("/quests/q1"));
  });

  it("leads who was editing back to the quest", async () => {
    signInAs("ana");
    const draft = { role: "requestor" as const };
    await serve({
      ...people,
      "GET /me/quests/q1": view(["edit"], draft),
      "PATCH /quests/q1": problem(409, "wrong_status"),
    });
    open("/quests/q1/edit");
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText(t.compose.title), " upstairs");
    await serve({
      ...people,
      "GET /me/quests/q1": view([], { ...draft, status: "CLAIMED", version: 2, performerId: "ben" }),
      "PATCH /quests/q1": problem(409, "wrong_status"),
    });
    await user.click(screen.getByRole("button", { name: t.common.save }));
    expect(await screen.findByText(t.quest.happened.claimed({ who: "Ben" }), { exact: false })).toBeTruthy();
    expect(screen.getByRole("link", { name: t.quest.toQuest }).getAttribute("href")).toBe("/quests/q1");
  });
});
