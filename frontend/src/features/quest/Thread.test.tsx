import { act, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { me, message, news, person, problem, serve, signInAs, view } from "../../../test/api";
import { open } from "../../../test/page";
import { MessageDraft } from "../../api/limits.gen";
import { showLanguage, t } from "../../lib/text";

const yes = { allowed: true };
const no = (code: string) => ({ allowed: false, code });
const claimed = view([], { status: "CLAIMED", role: "requestor", requestorId: "ana", performerId: "jo" });
const base = {
  "GET /me": me({ userId: "ana" }),
  "GET /me/quests/q1": claimed,
  "GET /users/ana": person("ana", "Ana"),
  "GET /users/jo": person("jo", "Jo"),
};
const arranged = async () => within(await screen.findByRole("region", { name: t.thread.private.title }));

describe("the parties' thread", () => {
  it("reads from the oldest on, takes an answer, and shows what the other side writes without a reload", async () => {
    signInAs("ana");
    const written = [message()];
    const calls = await serve({
      ...base,
      "GET /me/quests/q1/messages": () => ({
        items: [...written].reverse(),
        mayWrite: { public: no("wrong_status"), private: yes },
      }),
      "POST /quests/q1/messages": ({ body }: { body: unknown }) => {
        const own = message({ ...(body as object), messageId: "m2", authorId: "ana" });
        written.push(own);
        return own;
      },
    });
    open("/quests/q1");
    const thread = await arranged();
    expect(await thread.findByText("Can I come at nine?")).toBeTruthy();
    expect(screen.queryByRole("region", { name: t.thread.public.title })).toBeNull();
    await userEvent.type(thread.getByLabelText(t.thread.message), "  Nine is fine.  ");
    await userEvent.click(thread.getByRole("button", { name: t.thread.send }));
    expect(await thread.findByText("Nine is fine.")).toBeTruthy();
    expect((thread.getByLabelText(t.thread.message) as HTMLTextAreaElement).value).toBe("");
    const sent = calls.find(({ method }) => method === "POST");
    expect(sent?.body).toEqual({ text: "Nine is fine.", audience: "private" });
    expect(sent?.headers.get("idempotency-key")).toBeTruthy();
    written.push(message({ messageId: "m3", text: "See you then." }));
    await waitFor(() => expect(thread.getByText("See you then.")).toBeTruthy(), { timeout: 5_000 });
    const texts = within(thread.getByRole("log"))
      .getAllByRole("listitem")
      .map((item: HTMLElement) => item.textContent);
    expect(texts.map((text) => /nine|Nine|then/.exec(text ?? "")?.[0])).toEqual(["nine", "Nine", "then"]);
  });

  it("looks for news while it is seen, and leaves the API alone in a hidden tab", async () => {
    signInAs("ana");
    const calls = await serve({
      ...base,
      "GET /me/quests/q1/messages": { items: [], mayWrite: { public: no("wrong_status"), private: yes } },
    });
    open("/quests/q1");
    await (await arranged()).findByLabelText(t.thread.message);
    const asked = () => calls.filter(({ path }) => path.endsWith("/messages")).length;
    const show = (state: DocumentVisibilityState) => {
      vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
      act(() => void window.dispatchEvent(new Event("visibilitychange")));
    };
    show("hidden");
    const before = asked();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(asked()).toBe(before);
    show("visible");
    await waitFor(() => expect(asked()).toBeGreaterThan(before), { timeout: 5_000 });
  });

  it("keeps the text when it fails, and sends it again under the same key", async () => {
    signInAs("ana");
    let failing = true;
    const calls = await serve({
      ...base,
      "GET /me/quests/q1/messages": { items: [], mayWrite: { public: no("wrong_status"), private: yes } },
      "POST /quests/q1/messages": () => (failing ? problem(500, "odd") : message({ authorId: "ana" })),
    });
    open("/quests/q1");
    const thread = await arranged();
    await userEvent.type(await thread.findByLabelText(t.thread.message), "I am late");
    await userEvent.click(thread.getByRole("button", { name: t.thread.send }));
    expect(await thread.findByText(t.errors.server, { exact: false })).toBeTruthy();
    expect((thread.getByLabelText(t.thread.message) as HTMLTextAreaElement).value).toBe("I am late");
    failing = false;
    await userEvent.click(thread.getByRole("button", { name: t.thread.send }));
    await waitFor(() => expect((thread.getByLabelText(t.thread.message) as HTMLTextAreaElement).value).toBe(""));
    const keys = calls.filter(({ method }) => method === "POST").map(({ headers }) => headers.get("idempotency-key"));
    expect(keys.length).toBe(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it("refuses what the API would: nothing, and more than it takes, counted as it counts", async () => {
    signInAs("ana");
    const calls = await serve({
      ...base,
      "GET /me/quests/q1/messages": { items: [], mayWrite: { public: no("wrong_status"), private: yes } },
      "POST /quests/q1/messages": message(),
    });
    open("/quests/q1");
    const thread = await arranged();
    const field = (await thread.findByLabelText(t.thread.message)) as HTMLTextAreaElement;
    const button = thread.getByRole("button", { name: t.thread.send });
    await userEvent.click(button);
    expect(await thread.findByText(t.form.required)).toBeTruthy();
    const limit = MessageDraft.text.maxLength;
    act(() => {
      field.value = "🦔".repeat(limit + 1);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await userEvent.click(button);
    expect(await thread.findByText(t.form.tooLong({ count: limit }))).toBeTruthy();
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
    act(() => {
      field.value = "🦔".repeat(limit);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await userEvent.click(button);
    await waitFor(() => expect(calls.some(({ method }) => method === "POST")).toBe(true));
  });

  it("shows no text that is gone, and an earlier performer's apart from the present one's", async () => {
    signInAs("ana");
    await serve({
      ...base,
      "GET /users/old": person("old", "Olga"),
      "GET /me/quests/q1/messages": {
        items: [
          message({ messageId: "3", text: null, removed: "moderated" }),
          message({ messageId: "2", text: null, removed: "left" }),
          message({ messageId: "1", authorId: "old", performerId: "old", text: "I had to give up." }),
        ],
        mayWrite: { public: no("wrong_status"), private: yes },
      },
    });
    open("/quests/q1");
    const thread = await arranged();
    expect(await thread.findByText(t.thread.removed.moderated)).toBeTruthy();
    expect(thread.getByText(t.thread.removed.left)).toBeTruthy();
    const logs = thread.getAllByRole("log", { hidden: true });
    expect(logs.map((log: HTMLElement) => log.textContent?.includes("I had to give up."))).toEqual([true, false]);
  });
});

describe("questions", () => {
  const question = message({ authorId: "jo", audience: "public", performerId: null, text: "Is there a lift?" });

  it("are read by everybody, and asked after signing in", async () => {
    await serve({
      "GET /quests/q1": view([]),
      "GET /users/ana": person("ana", "Ana"),
      "GET /users/jo": person("jo", "Jo"),
      "GET /quests/q1/messages": { items: [question] },
    });
    open("/quests/q1");
    expect(await screen.findByText("Is there a lift?")).toBeTruthy();
    expect(screen.getByRole("link", { name: t.thread.signIn }).getAttribute("href")).toContain("next=");
  });

  it("that come too late stay in sight, with the reason", async () => {
    signInAs("ben");
    let taken = false;
    await serve({
      "GET /me": me(),
      "GET /me/quests/q1": () => view([], { status: taken ? "CLAIMED" : "OPEN", version: taken ? 2 : 1 }),
      "GET /users/ana": person("ana", "Ana"),
      "GET /me/quests/q1/messages": () => ({
        items: [],
        mayWrite: { public: taken ? no("wrong_status") : yes, private: no("not_party") },
      }),
      "POST /quests/q1/messages": () => {
        taken = true;
        return problem(409, "wrong_status");
      },
    });
    open("/quests/q1");
    await userEvent.type(await screen.findByLabelText(t.thread.question), "How heavy is it?");
    await userEvent.click(screen.getByRole("button", { name: t.thread.send }));
    expect(await screen.findByText(t.thread.notSent, { exact: false })).toBeTruthy();
    expect(screen.getByText("How heavy is it?")).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.thread.send })).toBeNull();
  });
});

describe("news of a quest that is open", () => {
  const about = (itemId: string, questId: string, unread = true) =>
    news({ itemId, unread, quest: { questId, title: "T" } });

  it.each([
    [
      "up to what is about something else",
      [about("4", "q1"), about("3", "x"), about("2", "q1"), about("1", "q1")],
      "2",
    ],
    ["none, where something else is older", [about("2", "q1"), about("1", "x")], undefined],
    ["all, where all is about it", [about("2", "q1"), about("1", "q1"), about("0", "x", false)], "2"],
  ])("is read: %s", async (_, items, upTo) => {
    signInAs("ana");
    const calls = await serve({
      ...base,
      "GET /me": me({ userId: "ana", unread: items.length }),
      "GET /me/inbox": { items },
      "POST /me/inbox/read": { unread: 0 },
    });
    open("/quests/q1");
    await waitFor(() => expect(calls.some(({ path }) => path === "/me/inbox")).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls.find(({ method }) => method === "POST")?.body).toEqual(upTo && { upTo });
  });
});

describe("a dispute", () => {
  const dispute = {
    raisedBy: "ana",
    reason: "Half of it was never mowed.",
    raisedAt: "2026-03-02T10:00:00.000Z",
    statementUntil: "2026-03-05T10:00:00.000Z",
  };
  const disputed = (more: object = {}) =>
    view(["resolve"], {
      status: "DISPUTED",
      requestorId: "ana",
      performerId: "jo",
      submission: "All done.",
      submissionHtml: "<p>All done.</p>",
      dispute: { ...dispute, ...more },
    });
  const moderator = (quest: ReturnType<typeof view>) => ({
    ...base,
    "GET /me": me({ userId: "mo" }),
    "GET /me/quests/q1": quest,
    "GET /me/quests/q1/messages": {
      items: [message({ text: "I only did the front." })],
      mayWrite: { public: no("wrong_status"), private: no("not_party") },
    },
  });

  it("shows both sides by name with what they say, and their thread, to who decides", async () => {
    signInAs("mo", ["moderators"]);
    await serve(moderator(disputed({ statement: "The rest was under water.", statedAt: "2026-03-03T10:00:00.000Z" })));
    open("/quests/q1?do=resolve");
    const sides = within(await screen.findByRole("region", { name: t.quest.disputeTitle }));
    const raised = within(await sides.findByRole("region", { name: new RegExp(`Ana.*${t.quest.raisedIt}`) }));
    expect(raised.getByText("Half of it was never mowed.")).toBeTruthy();
    const other = within(await sides.findByRole("region", { name: new RegExp(`Jo.*${t.quest.otherSide}`) }));
    expect(other.getByText("The rest was under water.")).toBeTruthy();
    expect(await screen.findByText("I only did the front.")).toBeTruthy();
    expect(screen.queryByLabelText(t.thread.message)).toBeNull();
  });

  it("has nothing chosen beforehand, and asks for a choice", async () => {
    signInAs("mo", ["moderators"]);
    const calls = await serve({ ...moderator(disputed()), "POST /quests/q1/resolve": disputed() });
    open("/quests/q1?do=resolve");
    const label = await screen.findByLabelText(t.action.resolve.label);
    expect(screen.getAllByRole("radio").some((radio) => (radio as HTMLInputElement).checked)).toBe(false);
    await userEvent.type(label, "The photographs show a mowed lawn.");
    await userEvent.click(screen.getByRole("button", { name: t.action.resolve.confirm }));
    expect(await screen.findByText(t.form.choose)).toBeTruthy();
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
    await userEvent.click(screen.getByRole("radio", { name: t.action.resolve.outcomes.CANCELLED }));
    await userEvent.click(screen.getByRole("button", { name: t.action.resolve.confirm }));
    await waitFor(() =>
      expect(calls.find(({ method }) => method === "POST")?.body).toEqual({
        outcome: "CANCELLED",
        decision: "The photographs show a mowed lawn.",
      }),
    );
  });

  it("says until when the other side may speak, and keeps the decision for who lost the quest", async () => {
    signInAs("mo", ["moderators"]);
    await serve(moderator(disputed()));
    const page = open("/quests/q1");
    await screen.findByRole("region", { name: t.quest.disputeTitle });
    expect(screen.getByText(/Has not spoken yet/)).toBeTruthy();
    page.unmount();
    act(() => void signInAs("jo"));
    await serve({
      ...base,
      "GET /me": me({ userId: "jo" }),
      "GET /me/quests/q1": view([], {
        status: "CANCELLED",
        requestorId: "ana",
        former: [{ userId: "jo", at: "2026-03-06T10:00:00.000Z", how: "decided", reason: "Nobody was there at all." }],
        dispute: { ...dispute, outcome: "CANCELLED", decision: "Nobody was there at all.", decidedBy: "mo" },
      }),
    });
    open("/quests/q1");
    const decision = within(await screen.findByRole("region", { name: t.quest.decision }));
    expect(decision.getByText("Nobody was there at all.")).toBeTruthy();
    expect(screen.getByText(t.mine.former.decided)).toBeTruthy();
  });

  it("is shown in Arabic too", async () => {
    signInAs("mo", ["moderators"]);
    await showLanguage("ar");
    await serve(moderator(disputed()));
    open("/quests/q1");
    expect(await screen.findByRole("region", { name: t.quest.disputeTitle })).toBeTruthy();
  });
});
