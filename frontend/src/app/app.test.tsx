import { render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { act } from "preact/test-utils";
import { describe, expect, it, vi } from "vitest";
import { card, me, person, problem, serve, signInAs, view } from "../../test/api";
import { address, open } from "../../test/page";
import { ApiError } from "../api/problem";
import { endSession } from "../api/session";
import { t } from "../lib/text";
import { CrashBoundary } from "./CrashBoundary";
import { StartFailure } from "./StartFailure";

describe("the app", () => {
  it("moves the focus to the heading after a navigation, and names the tab", async () => {
    signInAs("ben");
    await serve({
      "GET /quests": { items: [card()] },
      "GET /me/quests/q1": view([]),
      "GET /users/ana": person("ana", "Ana"),
    });
    open("/");
    await userEvent.click(await screen.findByRole("link", { name: "Carry a sofa" }));
    const heading = await screen.findByRole("heading", { level: 1, name: "Carry a sofa" });
    await waitFor(() => expect(document.activeElement).toBe(heading));
    expect(document.title).toBe(t.nav.moved({ title: "Carry a sofa" }));
  });

  it("has an answer to every address", async () => {
    await serve({});
    open("/nowhere/at/all");
    expect(await screen.findByRole("heading", { level: 1, name: t.notFound.title })).toBeTruthy();
  });

  it("says when changes are paused, also on an idle page", async () => {
    await serve({
      "GET /quests": { items: [] },
      "GET /api/health": { status: "maintenance", stage: "test", release: "1", breaker: "read-only" },
    });
    open("/");
    expect(await screen.findByText(t.banner.paused)).toBeTruthy();
  });

  it("says when nothing is open, and by itself shows what was missing when that is over", async () => {
    signInAs("ben");
    vi.useFakeTimers({
      shouldAdvanceTime: true,
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    });
    const health = { status: "maintenance", stage: "test", release: "1", breaker: "down" };
    await serve({ "GET /quests": problem(503, "breaker_open"), "GET /api/health": health });
    open("/");
    expect(await screen.findByText(t.banner.closed)).toBeTruthy();
    expect(await screen.findByText(t.errors.paused)).toBeTruthy();
    await serve({ "GET /quests": { items: [card()] } });
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await screen.findByText("Carry a sofa")).toBeTruthy();
    expect(screen.queryByText(t.errors.paused)).toBeNull();
    expect(screen.queryByText(t.banner.closed)).toBeNull();
    vi.useRealTimers();
  });

  it("keeps a form and its text when the session ends in the middle, and leads back to it", async () => {
    signInAs("ana");
    await serve({ "GET /me": me({ userId: "ana" }) });
    open("/quests/new");
    const title = await screen.findByLabelText(t.compose.title);
    await userEvent.type(title, "A long text");
    act(() => endSession({ expired: true }));
    expect(await screen.findByText(t.banner.expired)).toBeTruthy();
    expect((screen.getByLabelText(t.compose.title) as HTMLInputElement).value).toBe("A long text");
    const again = screen
      .getAllByRole("link", { name: t.nav.signIn })
      .find((link) => link.getAttribute("href")?.includes("next"));
    expect(again?.getAttribute("href")).toBe(`/sign-in?next=${encodeURIComponent("/quests/new")}`);
    act(() => void signInAs("ana"));
    expect((screen.getByLabelText(t.compose.title) as HTMLInputElement).value).toBe("A long text");
  });

  it("leaves members' places on sign-out", async () => {
    signInAs("ana");
    await serve({ "GET /me/quests": { items: [] }, "GET /quests": { items: [] } });
    open("/mine");
    await screen.findByText(t.mine.emptyAsked);
    act(() => endSession({ expired: false }));
    await waitFor(() => expect(address()).toBe("/"));
  });

  it("explains every kind of refusal", async () => {
    const ended = new Response(JSON.stringify({ __type: "NotAuthorizedException" }), { status: 400 });
    for (const [status, text] of [
      [401, t.errors.signInFirst],
      [404, t.errors.notFound],
      [422, t.errors.invalid],
      [403, t.errors.notAllowed],
    ] as const) {
      signInAs("ana");
      await serve({ "GET /me/quests": problem(status, "x"), "Cognito.GetTokensFromRefreshToken": ended });
      const page = open("/mine");
      expect((await screen.findAllByText(text)).length).toBeGreaterThan(0);
      if (status === 401) {
        const ways = within(screen.getByRole("alert")).getAllByRole("link", { name: t.nav.signIn });
        expect(ways[0]?.getAttribute("href")).toBe(`/sign-in?next=${encodeURIComponent("/mine")}`);
      }
      page.unmount();
    }
    await serve({ "GET /me/quests": problem(429, "x", {}, { "retry-after": "9" }) });
    open("/mine");
    expect(await screen.findByText(t.errors.tooManyFor({ count: 9 }))).toBeTruthy();
  });
});

describe("a crash", () => {
  it("shows a way on and the request id, until the member goes elsewhere", () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const Broken = (): never => {
      throw new ApiError({ status: 500, code: "x", title: "x", requestId: "req-9" });
    };
    const { rerender } = render(
      <CrashBoundary path="/broken">
        <Broken />
      </CrashBoundary>,
    );
    expect(screen.getByText(t.errors.requestId({ id: "req-9" }))).toBeTruthy();
    expect(screen.getByRole("button", { name: t.errors.reload })).toBeTruthy();
    rerender(<CrashBoundary path="/">All is well.</CrashBoundary>);
    expect(screen.getByText("All is well.")).toBeTruthy();
  });

  it("before the start says that the service cannot be reached", () => {
    render(<StartFailure />);
    expect(screen.getByRole("heading", { name: t.errors.startTitle })).toBeTruthy();
  });
});
