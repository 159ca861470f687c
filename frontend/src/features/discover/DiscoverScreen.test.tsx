import { screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { card, problem, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import { queryClient } from "../../api/queries";
import { t } from "../../lib/text";

const stats = { days: 30, questsCreated: 4, questsCompleted: 3, attestationsSubmitted: 6 };
const titles = () => screen.getAllByRole("heading", { level: 3 }).map((heading) => heading.textContent);

describe("discover", () => {
  it("shows visitors what this is, and open quests as text, never as markup", async () => {
    await serve({ "GET /quests": { items: [card({ title: "<b>Tom</b> & Jerry <3" })] }, "GET /stats": stats });
    open("/");
    expect(await screen.findByText("<b>Tom</b> & Jerry <3")).toBeTruthy();
    expect(screen.getByText(t.discover.heroTitle)).toBeTruthy();
    expect(await screen.findByText(t.discover.stats({ created: 4, completed: 3, days: 30 }))).toBeTruthy();
    expect(document.title).toBe(t.nav.moved({ title: t.discover.title }));
  });

  it("leaves the direction of what members write to their words", async () => {
    await serve({ "GET /quests": { items: [card({ title: "نقل أريكة" })] }, "GET /stats": stats });
    open("/");
    expect((await screen.findByText("نقل أريكة")).closest("[dir=auto]")).toBeTruthy();
    expect(screen.getByLabelText(t.discover.search).getAttribute("dir")).toBe("auto");
  });

  it("filters by category and text, and keeps the filters in the address", async () => {
    signInAs("ben");
    const calls = await serve({ "GET /quests": { items: [card()] } });
    open("/?category=social");
    const user = userEvent.setup();
    await screen.findByText("Carry a sofa");
    expect(calls.find(({ path }) => path === "/quests")?.query.get("category")).toBe("social");
    await user.type(screen.getByLabelText(t.discover.search), "sofa");
    await waitFor(() => expect(address()).toBe("/?category=social&q=sofa"));
    await waitFor(() => expect(calls.at(-1)?.query.get("q")).toBe("sofa"));
    await user.click(screen.getByRole("radio", { name: t.discover.all }));
    await waitFor(() => expect(address()).toBe("/?q=sofa"));
  });

  it("sorts what is loaded", async () => {
    signInAs("ben");
    const items = [
      card({ questId: "a", title: "Cheap", rewardXp: 10, expiresAt: "2026-03-02T00:00:00.000Z" }),
      card({ questId: "b", title: "Dear", rewardXp: 500, createdAt: "2026-02-01T00:00:00.000Z" }),
    ];
    await serve({ "GET /quests": { items } });
    open("/");
    await screen.findByText("Cheap");
    expect(titles()).toEqual(["Cheap", "Dear"]);
    const user = userEvent.setup();
    await user.selectOptions(screen.getByLabelText(t.discover.sort), "reward");
    await waitFor(() => expect(titles()).toEqual(["Dear", "Cheap"]));
    await user.selectOptions(screen.getByLabelText(t.discover.sort), "ending");
    await waitFor(() => expect(titles()).toEqual(["Cheap", "Dear"]));
  });

  it("pages on", async () => {
    signInAs("ben");
    await serve({
      "GET /quests": ({ query }: { query: URLSearchParams }) =>
        query.get("cursor") === "c2"
          ? { items: [card({ questId: "b", title: "Second page" })] }
          : { items: [card()], nextCursor: "c2" },
    });
    open("/");
    expect(await screen.findByText(t.discover.resultsSoFar({ count: 1 }))).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.common.more }));
    expect(await screen.findByText("Second page")).toBeTruthy();
    expect(screen.queryByRole("button", { name: t.common.more })).toBeNull();
  });

  it("helps when nothing is there, with and without filters", async () => {
    signInAs("ben");
    await serve({ "GET /quests": { items: [] } });
    const page = open("/");
    expect(await screen.findByText(t.discover.emptyTitle)).toBeTruthy();
    page.unmount();
    open("/?q=nothing");
    expect(await screen.findByText(t.discover.emptyFilteredTitle)).toBeTruthy();
    await userEvent.click(screen.getByRole("link", { name: t.discover.clear }));
    await waitFor(() => expect(address()).toBe("/"));
  });

  it("says what failed, with the request id, and tries again", async () => {
    signInAs("ben");
    await serve({ "GET /quests": problem(400, "bad_cursor") });
    open("/");
    expect(await screen.findByText(t.errors.requestId({ id: "req-1" }))).toBeTruthy();
    await serve({ "GET /quests": { items: [card()] } });
    await userEvent.click(screen.getByRole("button", { name: t.common.retry }));
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
  });

  it("keeps the list when the service is away, and says how old it is", async () => {
    await serve({ "GET /quests": { items: [card()] }, "GET /stats": stats });
    const before = open("/");
    await screen.findByText("Carry a sofa");
    before.unmount();
    queryClient.clear();
    await serve({ "GET /api/health": problem(502, "down") });
    open("/");
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
    expect(await screen.findByText(t.banner.unreachable)).toBeTruthy();
    expect(screen.getByText(/As of/)).toBeTruthy();
  });
});
