import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { person, problem, serve, signInAs, view } from "../../../test/api";
import { address, open } from "../../../test/page";
import { queryClient } from "../../api/queries";
import { t } from "../../lib/text";

const PEOPLE = { "GET /users/ana": person("ana", "Ana") };

describe("a claim", () => {
  it("names the version that the member saw, not one that came while they thought", async () => {
    signInAs("ben");
    let quest = view(["claim"], { version: 7 });
    const calls = await serve({
      ...PEOPLE,
      "GET /me/quests/q1": () => quest,
      "POST /quests/q1/claim": problem(409, "terms_changed", { changed: ["rewardXp"] }),
    });
    open("/quests/q1?do=claim");
    const confirm = await screen.findByRole("button", { name: t.action.claim.confirm });
    // The open screen follows the quest: the new terms are behind the form, and nobody pointed at them.
    quest = view(["claim"], { version: 9, rewardXp: 10 });
    await queryClient.refetchQueries({ queryKey: ["me", "quest", "q1"] });
    await userEvent.click(confirm);
    await screen.findByText(t.quest.termsTitle);
    const claim = calls.find(({ method }) => method === "POST");
    expect(claim?.headers.get("if-match")).toBe('"7"');
  });

  it("that is refused because of an edit shows what changed, and can be made again", async () => {
    signInAs("ben");
    const before = view(["claim"], { title: "Carry a sofa", rewardXp: 120, description: "One floor.", version: 7 });
    const after = view(["claim"], { title: "Carry a piano", rewardXp: 20, description: "Six floors.", version: 8 });
    let quest = before;
    const calls = await serve({
      ...PEOPLE,
      "GET /me/quests/q1": () => quest,
      "POST /quests/q1/claim": () => {
        quest = after;
        return problem(409, "terms_changed", { changed: ["description", "rewardXp", "title"] });
      },
    });
    open("/quests/q1?do=claim");
    await userEvent.click(await screen.findByRole("button", { name: t.action.claim.confirm }));
    const alert = await screen.findByRole("alert");
    await waitFor(() => expect(alert.textContent).toContain(t.quest.happened.edited({ who: "Ana" })));
    expect(alert.querySelector("del")?.textContent).toBe("120");
    expect([...alert.querySelectorAll("ins")].map(({ textContent }) => textContent)).toEqual(["20", "Carry a piano"]);
    expect(alert.textContent).toContain(t.quest.terms.description);
    expect(screen.getByRole("link", { name: t.quest.readAgain }).getAttribute("href")).toBe("#description");
    expect(address()).toBe("/quests/q1");
    await userEvent.click(screen.getByRole("button", { name: t.action.claim.name }));
    await userEvent.click(await screen.findByRole("button", { name: t.action.claim.confirm }));
    await waitFor(() => expect(calls.filter(({ method }) => method === "POST")).toHaveLength(2));
    expect(calls.findLast(({ method }) => method === "POST")?.headers.get("if-match")).toBe('"8"');
  });

  it.each(["too_many_claims", "blocked", "suspended", "released_recently"] as const)(
    "that is denied as %s says so in the button's place, before the tap",
    async (code) => {
      signInAs("ben");
      const quest = view([]);
      quest.allowedActions.claim = { allowed: false, code };
      await serve({ ...PEOPLE, "GET /me/quests/q1": quest });
      open("/quests/q1");
      const button = await screen.findByRole("button", { name: t.action.claim.name });
      expect(button.getAttribute("aria-disabled")).toBe("true");
      const reason = document.getElementById(button.getAttribute("aria-describedby") ?? "");
      expect(reason?.textContent).toBe(t.denial[code]);
      await userEvent.click(button);
      expect(address()).toBe("/quests/q1");
      expect(screen.queryByText(t.quest.nothing)).toBeNull();
    },
  );
});

describe("the reward", () => {
  it.each([50, 0])("of a pair that worked together lately is told before the claim: %i %%", async (rewardShare) => {
    signInAs("ben");
    await serve({ ...PEOPLE, "GET /me/quests/q1": view(["claim"], { rewardShare }) });
    open("/quests/q1");
    expect(await screen.findByText(t.quest.pairShare({ share: rewardShare }))).toBeTruthy();
  });

  it("in full needs no word", async () => {
    signInAs("ben");
    await serve({ ...PEOPLE, "GET /me/quests/q1": view(["claim"], { rewardShare: 100 }) });
    open("/quests/q1");
    expect(await screen.findByRole("button", { name: t.action.claim.name })).toBeTruthy();
    expect(screen.queryByText(t.quest.pairShare({ share: 100 }))).toBeNull();
  });
});

describe("thanks", () => {
  const SUBMITTED = { status: "SUBMITTED", performerId: "ben", role: "requestor" } as const;
  const attest = async (touch?: () => Promise<void>) => {
    signInAs("ana");
    const quest = view(["attest"], SUBMITTED);
    const calls = await serve({
      ...PEOPLE,
      "GET /users/ben": person("ben", "Ben"),
      "GET /me/quests/q1": quest,
      "POST /quests/q1/attest": quest,
    });
    open("/quests/q1?do=attest");
    await userEvent.type(await screen.findByLabelText(t.action.attest.label, { exact: false }), "So gentle!");
    await touch?.();
    await userEvent.click(screen.getByRole("button", { name: t.action.attest.confirm }));
    await waitFor(() => expect(calls.some(({ method }) => method === "POST")).toBe(true));
    return calls.find(({ method }) => method === "POST")?.body;
  };

  it("are shown on the profile where the requestor says so", async () => {
    expect(await attest()).toEqual({ notes: "So gentle!", thanks: true });
  });

  it("stay between the two where the requestor does not want to", async () => {
    const body = await attest(() => userEvent.click(screen.getByRole("checkbox", { name: t.action.attest.thanks })));
    expect(body).toEqual({ notes: "So gentle!" });
  });
});
