import { screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { card, entry, me, person, problem, serve, signInAs, view } from "../../../test/api";
import { address, open } from "../../../test/page";
import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { eventsOf } from "./Timeline";

const people = { "GET /users/ana": person("ana", "Ana"), "GET /users/ben": person("ben", "Ben") };

const submitted = (more: Partial<QuestView> = {}): QuestView =>
  view(["attest", "request-changes", "dispute"], {
    status: "SUBMITTED",
    performerId: "ben",
    role: "requestor",
    claimedAt: "2026-03-02T10:00:00.000Z",
    submittedAt: "2026-03-03T10:00:00.000Z",
    submissionHtml: "<p>It is <em>done</em>.</p>",
    ...more,
  });

describe("a quest for visitors", () => {
  it("shows it, and leads to the sign-in with the intent kept", async () => {
    const { allowedActions: _, ...open_ } = view([]);
    await serve({ ...people, "GET /quests/q1": open_ });
    open("/quests/q1");
    expect(await screen.findByRole("heading", { level: 1, name: "Carry a sofa" })).toBeTruthy();
    expect(screen.getByText("one hour").tagName).toBe("STRONG");
    const claim = screen.getByRole("link", { name: t.action.claim.name });
    expect(claim.getAttribute("href")).toBe(`/sign-in?next=${encodeURIComponent("/quests/q1?do=claim")}`);
    expect((await screen.findAllByText("Ana")).length).toBeGreaterThan(0);
  });

  it("reads the published document and nothing of the API", async () => {
    const { allowedActions: _, ...quest } = view([]);
    const calls = await serve({
      "GET /published/quests/q1.json": { ...quest, requestorName: "Ana of the document", requestorModerator: true },
    });
    open("/quests/q1");
    expect((await screen.findAllByText("Ana of the document")).length).toBeGreaterThan(0);
    expect(screen.getAllByText(t.common.moderator)).toHaveLength(1);
    expect(calls.map(({ path }) => path).filter((path) => /^\/(quests|users)/.test(path))).toEqual([]);
  });

  it("shares its address by the device, else by the clipboard, and shows it where neither works", async () => {
    const { allowedActions: _, ...quest } = view([]);
    await serve({ ...people, "GET /quests/q1": quest });
    const user = userEvent.setup();
    open("/quests/q1");
    const button = await screen.findByRole("button", { name: t.quest.share.name });
    await user.click(button);
    expect(await navigator.clipboard.readText()).toBe(`${location.origin}/quests/q1`);
    expect(await screen.findByText(t.quest.share.copied)).toBeTruthy();
    const share = vi.fn().mockResolvedValue(undefined);
    Object.assign(navigator, { share });
    await user.click(button);
    expect(share).toHaveBeenCalledWith({ title: "Carry a sofa", url: `${location.origin}/quests/q1` });
    share.mockRejectedValueOnce(new DOMException("closed", "AbortError"));
    await user.click(button);
    expect(screen.queryByText(t.quest.share.failed, { exact: false })).toBeNull();
    share.mockRejectedValueOnce(new Error("no"));
    await user.click(button);
    expect(await screen.findByText(`${location.origin}/quests/q1`)).toBeTruthy();
    Reflect.deleteProperty(navigator, "share");
  });

  it("says when there is none", async () => {
    await serve({ "GET /quests/q1": problem(404, "quest_not_found") });
    open("/quests/q1");
    expect(await screen.findByText(t.notFound.title)).toBeTruthy();
  });

  it("says when it cannot be loaded, under a heading and with a way back", async () => {
    await serve({ "GET /quests/q1": problem(400, "odd") });
    open("/quests/q1");
    expect(await screen.findByRole("button", { name: t.common.retry })).toBeTruthy();
    expect(screen.getByRole("heading", { level: 1, name: t.quest.title })).toBeTruthy();
    expect(within(screen.getByRole("main")).getByRole("link", { name: t.nav.discover })).toBeTruthy();
  });
});

describe("a quest for members", () => {
  it("offers what is allowed, and says why only where somebody would ask", async () => {
    signInAs("ben");
    const quest = view(["claim"]);
    quest.allowedActions.dispute = { allowed: false, code: "feature_off" };
    await serve({ ...people, "GET /me/quests/q1": quest });
    open("/quests/q1");
    expect(await screen.findByRole("button", { name: t.action.claim.name })).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.action.cancel.name })).toBeNull();
    const denied = screen.getByText(t.quest.denied).closest("details") as HTMLElement;
    expect(within(denied).getByText(t.denial.feature_off)).toBeTruthy();
    expect(within(denied).getAllByRole("definition")).toHaveLength(1);
    expect(screen.queryByText(t.denial.wrong_status)).toBeNull();
  });

  it("has the member's own name where their profile cannot be read", async () => {
    signInAs("ana");
    await serve({
      "GET /me": me({ userId: "ana", displayName: "Ana Own" }),
      "GET /me/quests/q1": view(["cancel"], { role: "requestor" }),
      "GET /users/ana": problem(503, "unavailable"),
    });
    open("/quests/q1");
    const name = await screen.findByRole("link", { name: "Ana Own" });
    expect(name.getAttribute("href")).toBe("/people/ana");
    expect(screen.queryByText("…")).toBeNull();
  });

  it("says a reason once for all that it forbids", async () => {
    signInAs("ana");
    const quest = view(["cancel"]);
    for (const action of ["resolve", "hide", "unhide"] as const) {
      quest.allowedActions[action] = { allowed: false, code: "party_cannot_judge" };
    }
    await serve({ ...people, "GET /me/quests/q1": quest });
    open("/quests/q1");
    const denied = (await screen.findByText(t.quest.denied)).closest("details") as HTMLElement;
    expect(within(denied).getByText(t.denial.party_cannot_judge)).toBeTruthy();
    expect(within(denied).getAllByRole("term")).toHaveLength(3);
  });

  it("is claimed after one question, and the answer is announced", async () => {
    signInAs("ben");
    const claimed = view(["submit", "release"], { status: "CLAIMED", performerId: "ben", role: "performer" });
    let quest = view(["claim"]);
    const calls = await serve({
      ...people,
      "GET /me/quests/q1": () => quest,
      "POST /quests/q1/claim": () => {
        quest = claimed;
        return quest;
      },
    });
    open("/quests/q1?do=claim");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.action.claim.confirm }));
    expect(await screen.findByText(t.action.claim.done)).toBeTruthy();
    expect(await screen.findByRole("button", { name: t.action.submit.name })).toBeTruthy();
    expect(address()).toBe("/quests/q1");
    expect(calls.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it("says when somebody was faster, and shows similar quests", async () => {
    signInAs("ben");
    let quest = view(["claim"]);
    await serve({
      ...people,
      "GET /me/quests/q1": () => quest,
      "GET /quests": { items: [card(), card({ questId: "q2", title: "Carry a table" })] },
      "POST /quests/q1/claim": () => {
        quest = view([], { status: "CLAIMED", performerId: "cleo" });
        return problem(409, "wrong_status");
      },
      "GET /users/cleo": person("cleo", "Cleo"),
    });
    open("/quests/q1?do=claim");
    await userEvent.click(await screen.findByRole("button", { name: t.action.claim.confirm }));
    expect(await screen.findByText(t.quest.taken)).toBeTruthy();
    expect(await screen.findByText("Carry a table")).toBeTruthy();
    expect(await screen.findByText(t.status.CLAIMED)).toBeTruthy();
  });

  it("takes the submission with a counter, refuses too little, and keeps the draft over a reload", async () => {
    signInAs("ben");
    const quest = view(["submit"], { status: "CLAIMED", performerId: "ben", role: "performer" });
    const calls = await serve({
      ...people,
      "GET /me/quests/q1": quest,
      "POST /quests/q1/submit": view([], { status: "SUBMITTED", performerId: "ben" }),
    });
    const user = userEvent.setup();
    const first = open("/quests/q1?do=submit");
    await user.type(await screen.findByLabelText(t.action.submit.label), "Carried.");
    expect(screen.getByText(t.common.characters({ used: 8, limit: 2000 }))).toBeTruthy();
    await user.click(screen.getByRole("button", { name: t.action.submit.confirm }));
    expect(await screen.findByText(t.form.tooShort({ count: 10 }))).toBeTruthy();
    expect(screen.getByText(new RegExp(t.form.atLeast({ count: 10 })))).toBeTruthy();
    first.unmount();
    open("/quests/q1?do=submit");
    const field = (await screen.findByLabelText(t.action.submit.label)) as HTMLTextAreaElement;
    expect(field.value).toBe("Carried.");
    await user.type(field, " All of it.");
    await user.click(screen.getByRole("button", { name: t.action.submit.confirm }));
    await screen.findByText(t.action.submit.done);
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual({ submission: "Carried. All of it." });
    expect(localStorage.getItem("civicforge.draft.ben.submit.q1")).toBeNull();
  });

  it("says first what changes are wanted, and starts from what was handed in", async () => {
    signInAs("ben");
    const reason = "One leg of the sofa is still on the stairs.";
    const quest = view(["submit"], {
      status: "CLAIMED",
      performerId: "ben",
      role: "performer",
      submission: "It is **done**.",
      submissionHtml: "<p>It is <strong>done</strong>.</p>",
      changeRequests: [{ reason, requestedAt: "2026-03-04T10:00:00.000Z" }],
    });
    await serve({ ...people, "GET /me/quests/q1": quest });
    open("/quests/q1?do=submit");
    const field = (await screen.findByLabelText(t.action.submit.label)) as HTMLTextAreaElement;
    expect(field.value).toBe("It is **done**.");
    const wanted = screen.getByText(reason);
    expect(wanted.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
  });

  it("offers second thoughts quietly to who has confirmed", async () => {
    signInAs("ana");
    const quest = submitted({ attestedBy: ["requestor"] });
    quest.allowedActions = { ...quest.allowedActions, attest: { allowed: false, code: "already_attested" } };
    await serve({ ...people, "GET /me/quests/q1": quest });
    open("/quests/q1");
    expect((await screen.findByRole("button", { name: t.action["request-changes"].name })).className).toContain(
      "plain",
    );
  });

  it("shows the submission before the words that judge it, and whose word is missing", async () => {
    signInAs("ana");
    await serve({ ...people, "GET /me/quests/q1": submitted({ attestedBy: ["performer"] }) });
    open("/quests/q1");
    const work = await screen.findByText("done");
    const confirm = screen.getByRole("button", { name: t.action.attest.name });
    expect(work.compareDocumentPosition(confirm) & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
    expect(await screen.findByText(t.quest.seal.confirmed({ who: "Ben" }))).toBeTruthy();
    expect(await screen.findByText(t.quest.seal.waiting({ who: "Ana" }))).toBeTruthy();
  });

  it.each([
    [
      "request-changes",
      "One leg of the sofa is still on the stairs.",
      { reason: "One leg of the sofa is still on the stairs." },
    ],
    ["dispute", "The sofa is now in the wrong house, sadly.", { reason: "The sofa is now in the wrong house, sadly." }],
    ["attest", "Thank you!", { notes: "Thank you!", thanks: true }],
    ["attest", "", {}],
  ] as const)("sends %s with the words %j", async (action, words, body) => {
    signInAs("ana");
    const calls = await serve({
      ...people,
      "GET /me/quests/q1": submitted(),
      [`POST /quests/q1/${action}`]: submitted(),
    });
    open(`/quests/q1?do=${action}`);
    const user = userEvent.setup();
    const text = t.action[action];
    const field = await screen.findByLabelText(text.label, { exact: false });
    if (words) await user.type(field, words);
    await user.click(screen.getByRole("button", { name: text.confirm }));
    expect(await screen.findByText(text.done)).toBeTruthy();
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual(body);
  });

  it("lets a moderator decide with an outcome and reasons", async () => {
    signInAs("mo", ["moderators"]);
    const dispute = { raisedBy: "ben", reason: "She does not answer me.", raisedAt: "2026-03-04T10:00:00.000Z" };
    const disputed = view(["resolve"], { status: "DISPUTED", performerId: "ben", dispute });
    const calls = await serve({
      ...people,
      "GET /me/quests/q1": disputed,
      "POST /quests/q1/resolve": view([], { status: "CANCELLED" }),
    });
    open("/quests/q1?do=resolve");
    const user = userEvent.setup();
    expect(await screen.findByText("She does not answer me.")).toBeTruthy();
    expect(screen.getByText(t.quest.seal.disputed)).toBeTruthy();
    expect(screen.queryByText(/waiting for/)).toBeNull();
    await user.click(screen.getByRole("radio", { name: t.action.resolve.outcomes.CANCELLED }));
    await user.type(screen.getByLabelText(t.action.resolve.label), "Nothing was carried anywhere.");
    await user.click(screen.getByRole("button", { name: t.action.resolve.confirm }));
    await screen.findByText(t.action.resolve.done);
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual({
      outcome: "CANCELLED",
      decision: "Nothing was carried anywhere.",
    });
  });

  it("keeps the form and says what to do when the service fails", async () => {
    signInAs("ben");
    await serve({
      ...people,
      "GET /me/quests/q1": view(["claim"]),
      "POST /quests/q1/claim": problem(503, "breaker_open"),
    });
    open("/quests/q1?do=claim");
    await userEvent.click(await screen.findByRole("button", { name: t.action.claim.confirm }));
    expect(await screen.findByText(t.errors.paused)).toBeTruthy();
    expect(await screen.findByText(t.banner.paused)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.common.cancel }));
    await waitFor(() => expect(address()).toBe("/quests/q1"));
  });

  it("opens an action in sight, and closes it with Escape and the text kept", async () => {
    signInAs("ana");
    await serve({ ...people, "GET /me/quests/q1": submitted() });
    const sight = vi.spyOn(Element.prototype, "scrollIntoView");
    open("/quests/q1");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: t.action.dispute.name }));
    const field = await screen.findByLabelText(t.action.dispute.label);
    await waitFor(() => expect(sight.mock.contexts.some((shown) => (shown as Element).contains(field))).toBe(true));
    await user.type(field, "The sofa{Escape}");
    await waitFor(() => expect(address()).toBe("/quests/q1"));
    expect(screen.queryByLabelText(t.action.dispute.label)).toBeNull();
    await user.click(screen.getByRole("button", { name: t.action.dispute.name }));
    expect(((await screen.findByLabelText(t.action.dispute.label)) as HTMLTextAreaElement).value).toBe("The sofa");
  });

  it("leads back to the board as it was filtered", async () => {
    signInAs("ben");
    await serve({ ...people, "GET /quests": { items: [card()] }, "GET /me/quests/q1": view([]) });
    open("/?category=social&sort=reward");
    const user = userEvent.setup();
    await user.click(await screen.findByRole("link", { name: "Carry a sofa" }));
    const main = within(screen.getByRole("main"));
    await user.click(await main.findByRole("link", { name: t.nav.discover }));
    await waitFor(() => expect(address()).toBe("/?category=social&sort=reward"));
  });

  it("does not open an action that is not allowed, whatever the address says", async () => {
    signInAs("ben");
    await serve({ ...people, "GET /me/quests/q1": view([]) });
    open("/quests/q1?do=cancel");
    expect(await screen.findByText(t.quest.nothing)).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.action.cancel.confirm })).toBeNull();
  });
});

describe("the reward", () => {
  const complete = view([], {
    status: "COMPLETE",
    performerId: "ben",
    role: "performer",
    attestedBy: ["requestor", "performer"],
    completedAt: "2026-03-04T10:00:00.000Z",
  });
  const reward = entry({ entryId: "r", kind: "reward", questId: "q1", points: 2, xp: 120, reputation: 12 });

  it("is celebrated once, when it is paid", async () => {
    signInAs("ben");
    await serve({ ...people, "GET /me": me(), "GET /me/quests/q1": complete, "GET /me/ledger": { items: [reward] } });
    const first = open("/quests/q1");
    expect(await screen.findByText(t.quest.rewarded({ xp: 120, reputation: 12, count: 2 }))).toBeTruthy();
    expect(screen.getByText(t.quest.seal.complete)).toBeTruthy();
    first.unmount();
    open("/quests/q1");
    await screen.findByText(t.quest.seal.complete);
    expect(screen.queryByText(t.quest.thanks)).toBeNull();
  });

  it("after a moderator's decision claims neither that both sides confirmed nor that one still may", async () => {
    signInAs("ben");
    const decided = { ...complete, attestedBy: ["performer" as const] };
    await serve({ ...people, "GET /me": me(), "GET /me/quests/q1": decided, "GET /me/ledger": { items: [reward] } });
    open("/quests/q1");
    expect(await screen.findByText(t.quest.rewarded({ xp: 120, reputation: 12, count: 2 }))).toBeTruthy();
    expect(screen.getByText(t.quest.seal.decided)).toBeTruthy();
    expect(await screen.findByText(t.quest.seal.confirmed({ who: "Ben" }))).toBeTruthy();
    expect(screen.queryByText(/waiting for|[Bb]oth sides/)).toBeNull();
  });

  it.each([
    ["PENDING", t.quest.rewardComing],
    ["HELD", t.quest.rewardHeld],
  ])("in state %s says so", async (state, text) => {
    signInAs("ben");
    await serve({ ...people, "GET /me/quests/q1": complete, "GET /me/ledger": { items: [{ ...reward, state }] } });
    open("/quests/q1");
    expect(await screen.findByText(text)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.quest.rewardSeen }));
    expect(screen.queryByText(t.quest.thanks)).toBeNull();
  });
});

describe("the timeline", () => {
  it("tells everything once, in order", () => {
    const events = eventsOf(
      submitted({
        attestations: [{ userId: "ben", role: "performer", attestedAt: "2026-03-04T10:00:00.000Z" }],
        changeRequests: [{ reason: "…", requestedAt: "2026-03-02T12:00:00.000Z" }],
        dispute: {
          raisedBy: "ana",
          reason: "…",
          raisedAt: "2026-03-05T10:00:00.000Z",
          outcome: "COMPLETE",
          decision: "…",
          decidedAt: "2026-03-06T10:00:00.000Z",
        },
        completedAt: "2026-03-06T10:00:00.000Z",
      }),
      (role) => role,
    );
    const { createdAt, claimedAt, changes, submittedAt, attestedBy, disputed, decided, completedAt } = t.quest.events;
    expect(events.map(({ name }) => name)).toEqual([
      createdAt,
      claimedAt,
      changes,
      submittedAt,
      attestedBy({ who: "performer" }),
      disputed,
      decided,
      completedAt,
    ]);
  });
});
