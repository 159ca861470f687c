import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { me, person, problem, serve, signInAs, view } from "../../../test/api";
import { address, open } from "../../../test/page";
import { t } from "../../lib/text";
import { changesOf } from "./EditScreen";

async function fill(user: ReturnType<typeof userEvent.setup>) {
  await user.type(await screen.findByLabelText(t.compose.title), "Carry <b>a</b> sofa");
  await user.click(screen.getByRole("radio", { name: t.category.social }));
  await user.type(screen.getByLabelText(t.compose.description), "Two floors up, about one hour.");
  await user.type(screen.getByLabelText(t.compose.tags, { exact: false }), "heavy, , heavy,fun");
}

describe("posting a quest", () => {
  it("shows a live preview, the cost and what is left, and posts once however often it is pressed", async () => {
    signInAs("ana");
    let answer: (value: unknown) => void = () => undefined;
    const calls = await serve({
      "GET /me": me({ points: 3 }),
      "POST /quests": () => new Promise((resolve) => (answer = resolve)),
      "GET /me/quests/q1": view([]),
      "GET /users/ana": person("ana", "Ana"),
    });
    open("/quests/new");
    const user = userEvent.setup();
    const preview = within(await screen.findByRole("region", { name: t.compose.preview }));
    expect(preview.queryByText(t.category.other)).toBeNull();
    await fill(user);
    expect(preview.getByRole("heading", { level: 3, name: "Carry <b>a</b> sofa" })).toBeTruthy();
    expect(preview.getByText(t.category.social)).toBeTruthy();
    expect(preview.queryByText("Two floors up, about one hour.")).toBeNull();
    expect(await screen.findByText(new RegExp(t.compose.left({ count: 2 })))).toBeTruthy();
    const post = screen.getByRole("button", { name: t.compose.post });
    const entries = history.length;
    await user.dblClick(post);
    await waitFor(() => expect(calls.filter(({ method }) => method === "POST")).toHaveLength(1));
    expect(screen.getByRole("button", { name: t.common.busy }).getAttribute("aria-busy")).toBe("true");
    answer(view([], { questId: "q1" }));
    await waitFor(() => expect(address()).toBe("/quests/q1"));
    expect(history.length).toBe(entries);
    const sent = calls.find(({ method }) => method === "POST");
    expect(sent?.headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
    expect(sent?.body).toMatchObject({
      title: "Carry <b>a</b> sofa",
      tags: ["heavy", "fun"],
      rewardXp: 100,
      category: "social",
    });
    expect(localStorage.getItem("civicforge.draft.ana.create")).toBeNull();
  });

  it("says when, how long and where to meet; the end follows the start, and what cannot be is refused", async () => {
    signInAs("ana");
    const calls = await serve({ "GET /me": me(), "POST /quests": view([]), "GET /me/quests/q1": view([]) });
    open("/quests/new");
    const user = userEvent.setup();
    await fill(user);
    const set = (label: string, value: string) =>
      fireEvent.input(screen.getByLabelText(label, { exact: false }), { target: { value } });
    const post = () => user.click(screen.getByRole("button", { name: t.compose.post }));
    const day = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    set(t.compose.minutes, "45");
    set(t.compose.start, `${day}T10:00`);
    expect((screen.getByLabelText(t.compose.end, { exact: false }) as HTMLInputElement).value).toBe(`${day}T10:45`);
    set(t.compose.end, `${day}T09:00`);
    await post();
    expect(await screen.findByText(t.compose.endFirst)).toBeTruthy();
    set(t.compose.end, "");
    await post();
    expect(await screen.findByText(t.form.required)).toBeTruthy();
    set(t.compose.start, "2020-01-01T10:00");
    set(t.compose.end, "2020-01-01T11:00");
    await post();
    expect(await screen.findByText(t.compose.past)).toBeTruthy();
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
    set(t.compose.start, `${day}T10:00`);
    set(t.compose.end, `${day}T12:00`);
    set(t.compose.meetingPoint, " Mill Lane 7 ");
    await post();
    await waitFor(() =>
      expect(calls.find(({ method }) => method === "POST")?.body).toMatchObject({
        when: {
          start: new Date(`${day}T10:00`).toISOString(),
          end: new Date(`${day}T12:00`).toISOString(),
        },
        minutes: 45,
        meetingPoint: "Mill Lane 7",
      }),
    );
  });

  it("repeats a lost post under the same key, and an edited one under another", async () => {
    signInAs("ana");
    const calls = await serve({ "GET /me": me(), "POST /quests": problem(500, "internal_error") });
    open("/quests/new");
    const user = userEvent.setup();
    await fill(user);
    const keys = () =>
      calls.filter(({ method }) => method === "POST").map(({ headers }) => headers.get("idempotency-key"));
    const press = async () => {
      await user.click(await screen.findByRole("button", { name: t.compose.post }));
      await screen.findByText(t.errors.requestId({ id: "req-1" }));
    };
    await press();
    await press();
    await user.type(screen.getByLabelText(t.compose.title), "!");
    await press();
    await waitFor(() => expect(keys()).toHaveLength(3));
    expect(keys()[0]).toBe(keys()[1]);
    expect(keys()[2]).not.toBe(keys()[0]);
  });

  it("marks what is missing and goes there", async () => {
    signInAs("ana");
    const calls = await serve({ "GET /me": me() });
    open("/quests/new");
    await userEvent.click(await screen.findByRole("button", { name: t.compose.post }));
    expect(await screen.findByText(t.form.fix)).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText(t.compose.title)));
    expect(calls.some(({ method }) => method === "POST")).toBe(false);
    await userEvent.type(screen.getByLabelText(t.compose.title), "Carry a sofa");
    await userEvent.click(screen.getByRole("button", { name: t.compose.post }));
    const [firstCategory] = screen.getAllByRole("radio");
    await waitFor(() => expect(document.activeElement).toBe(firstCategory));
  });

  it("shows the API's own objections at the fields", async () => {
    signInAs("ana");
    const errors = [
      { field: "title", message: "must not contain the invisible character U+200B" },
      { field: "tags.1", message: "must not contain a line break" },
    ];
    await serve({ "GET /me": me(), "POST /quests": problem(422, "invalid_input", { errors }) });
    open("/quests/new");
    const user = userEvent.setup();
    await fill(user);
    await user.click(screen.getByRole("button", { name: t.compose.post }));
    expect(await screen.findByText(/U\+200B/)).toBeTruthy();
    for (const label of [t.compose.title, t.compose.tags]) {
      expect(screen.getByLabelText(label, { exact: false }).getAttribute("aria-invalid")).toBe("true");
    }
  });

  it("says why it cannot be done without points", async () => {
    signInAs("ana");
    await serve({ "GET /me": me({ points: 0 }) });
    open("/quests/new");
    expect(await screen.findByText(t.compose.tooFewPoints({ count: 1 }))).toBeTruthy();
    expect(screen.getByRole("button", { name: t.compose.post }).getAttribute("aria-disabled")).toBe("true");
  });

  it("is discarded after one question", async () => {
    signInAs("ana");
    await serve({ "GET /me": me() });
    open("/quests/new");
    const user = userEvent.setup();
    const title = (await screen.findByLabelText(t.compose.title)) as HTMLInputElement;
    await user.type(title, "Carry a sofa");
    await user.click(screen.getByRole("button", { name: t.compose.discard }));
    expect(title.value).toBe("Carry a sofa");
    await user.click(await screen.findByRole("button", { name: t.compose.discardConfirm }));
    await waitFor(() => expect(title.value).toBe(""));
    const button = await screen.findByRole("button", { name: t.compose.discard });
    await waitFor(() => expect(document.activeElement).toBe(button));
  });

  it("is for members", async () => {
    await serve({});
    open("/quests/new");
    await waitFor(() => expect(address()).toBe(`/sign-in?next=${encodeURIComponent("/quests/new")}`));
  });
});

describe("editing a quest", () => {
  it("sends only what changed, and lets rewards only rise", async () => {
    signInAs("ana");
    const quest = view(["edit"], { requestorId: "ana", role: "requestor" });
    const calls = await serve({
      "GET /me/quests/q1": quest,
      "PATCH /quests/q1": quest,
      "GET /users/ana": person("ana", "Ana"),
    });
    open("/quests/q1/edit");
    const user = userEvent.setup();
    const xp = await screen.findByLabelText(t.compose.rewardXp);
    await user.clear(xp);
    await user.type(xp, "100");
    await user.click(screen.getByRole("button", { name: t.common.save }));
    expect(await screen.findByText(t.form.between({ min: 120, max: 1000 }))).toBeTruthy();
    await user.clear(xp);
    await user.type(xp, "150");
    await user.click(screen.getByRole("button", { name: t.common.save }));
    await waitFor(() => expect(address()).toBe("/quests/q1"));
    expect(calls.find(({ method }) => method === "PATCH")?.body).toEqual({ rewardXp: 150 });
  });

  it("takes the time away, and leaves a time alone that it cannot show to the second", async () => {
    signInAs("ana");
    const when = { start: "2099-03-01T10:00:30.000Z", end: "2099-03-01T11:00:30.000Z" };
    const quest = view(["edit"], { requestorId: "ana", when });
    const calls = await serve({ "GET /me": me(), "GET /me/quests/q1": quest, "PATCH /quests/q1": quest });
    const edits = () => calls.filter(({ method }) => method === "PATCH").map(({ body }) => body);
    const page = open("/quests/q1/edit");
    const user = userEvent.setup();
    await user.type(await screen.findByLabelText(t.compose.title), "!");
    await user.click(screen.getByRole("button", { name: t.common.save }));
    await waitFor(() => expect(edits()).toEqual([{ title: "Carry a sofa!" }]));
    page.unmount();
    open("/quests/q1/edit");
    for (const label of [t.compose.start, t.compose.end])
      fireEvent.input(await screen.findByLabelText(label, { exact: false }), { target: { value: "" } });
    await user.click(screen.getByRole("button", { name: t.common.save }));
    await waitFor(() => expect(edits()[1]).toEqual({ when: null }));
  });

  it("says why it is not possible", async () => {
    signInAs("ana");
    await serve({ "GET /me/quests/q1": view([]) });
    open("/quests/q1/edit");
    expect(await screen.findByText(t.denial.wrong_status)).toBeTruthy();
  });

  it("compares lists by what is in them", () => {
    const draft = {
      title: "T",
      description: "D",
      category: "other",
      tags: ["a"],
      area: "",
      when: null,
      minutes: 60,
      meetingPoint: "",
      rewardXp: 1,
      rewardReputation: 1,
    } as const;
    expect(changesOf({ ...draft, tags: ["a"] }, { ...draft, tags: ["a"] })).toEqual({});
    expect(changesOf({ ...draft, tags: ["a"] }, { ...draft, tags: ["b"] })).toEqual({ tags: ["b"] });
  });
});
