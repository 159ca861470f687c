import { screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { me, news, serve, signInAs } from "../../../test/api";
import { address, open } from "../../../test/page";
import { NoticeKind } from "../../api/limits.gen";
import { showLanguage, t } from "../../lib/text";

const plain = (text: string | null | undefined) => text?.replace(/[\u2068\u2069]/g, "");
const lines = () => screen.getAllByRole("listitem").map((item) => plain(within(item).getByRole("link").textContent));

describe("the inbox", () => {
  it("says each thing in one line that leads to its quest, and is read once it is looked at", async () => {
    signInAs("ben");
    const calls = await serve({
      "GET /me": me({ unread: 1 }),
      "GET /me/inbox": {
        items: [
          news({ itemId: "2", kind: "handed_in" }),
          news({ itemId: "1", kind: "reward_paid", amounts: { xp: 120 }, actor: null, unread: false }),
        ],
      },
      "POST /me/inbox/read": { unread: 0 },
    });
    open("/inbox");
    await screen.findByText(/handed in/);
    expect(lines()).toEqual(["Jo handed in “Carry a sofa”", "You earned 120 XP with “Carry a sofa”"]);
    expect(screen.getAllByRole("link", { name: /sofa/ })[0]?.getAttribute("href")).toBe("/quests/q1");
    await waitFor(() => expect(calls.find(({ method }) => method === "POST")?.body).toEqual({ upTo: "2" }));
    await waitFor(() => expect(screen.queryByText(t.nav.unread({ count: 1 }))).toBeNull());
    // Still marked for who is reading.
    expect(screen.getByText(t.inbox.fresh)).toBeTruthy();
    expect(calls.filter(({ method }) => method === "POST").length).toBe(1);
  });

  it("has a line for every kind in every language, also where quest and member are gone", async () => {
    signInAs("ben");
    const items = NoticeKind.map((kind, number) =>
      news({
        itemId: String(999 - number),
        kind,
        amounts: { xp: 5, count: 3 },
        quest: null,
        actor: null,
        unread: false,
      }),
    );
    await serve({ "GET /me": me(), "GET /me/inbox": { items } });
    const page = open("/inbox");
    await screen.findByText(t.notices.lines.warning);
    expect(lines().every((line) => line && !/[{}]|undefined/.test(line))).toBe(true);
    page.unmount();
    await showLanguage("ar");
    open("/inbox");
    await screen.findByText(t.notices.lines.warning);
    expect(lines().every((line) => line && !/[{}]|undefined/.test(line))).toBe(true);
  });

  it("goes on page by page: 200 items are no trouble", async () => {
    signInAs("ben");
    const page = (from: number) =>
      Array.from({ length: 20 }, (_, number) => news({ itemId: String(1000 - from - number), unread: false }));
    await serve({
      "GET /me": me(),
      "GET /me/inbox": ({ query }: { query: URLSearchParams }) => {
        const from = Number(query.get("cursor") ?? 0);
        return { items: page(from), ...(from < 180 && { nextCursor: String(from + 20) }) };
      },
    });
    open("/inbox");
    for (let shown = 20; shown < 200; shown += 20) {
      await waitFor(() => expect(screen.getAllByRole("listitem").length).toBe(shown));
      await userEvent.click(screen.getByRole("button", { name: t.common.more }));
    }
    await waitFor(() => expect(screen.getAllByRole("listitem").length).toBe(200));
    expect(screen.queryByRole("button", { name: t.common.more })).toBeNull();
  });

  it("may be empty, and is members' alone", async () => {
    signInAs("ben");
    await serve({ "GET /me": me(), "GET /me/inbox": { items: [] } });
    const page = open("/inbox");
    expect(await screen.findByText(t.inbox.emptyTitle)).toBeTruthy();
    page.unmount();
    const { endSession } = await import("../../api/session");
    endSession({ expired: false });
    open("/inbox");
    await waitFor(() => expect(address()).toContain("/sign-in"));
  });
});
