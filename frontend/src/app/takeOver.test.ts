import { afterEach, describe, expect, it, vi } from "vitest";
import { serve, view } from "../../test/api";
import { boardQuery, queryClient, questQuery } from "../api/queries";
import { takeOver } from "./takeOver";

const root = (asOf?: string): HTMLElement => {
  const element = document.createElement("div");
  if (asOf) element.dataset.asOf = asOf;
  return element;
};

afterEach(() => vi.useRealTimers());

describe("a document's text stays", () => {
  it("not at all where there is none", async () => {
    const calls = await serve({});
    await takeOver(root(), Promise.resolve());
    expect(calls).toEqual([]);
  });

  it("until the board is there", async () => {
    await serve({ "GET /published/board.json": { publishedAt: "2026-03-01T10:00:00.000Z", cards: [] } });
    await takeOver(root("2026-03-01T10:00:00.000Z"), Promise.resolve());
    expect(queryClient.getQueryData(boardQuery().queryKey)).toMatchObject({ cards: [] });
  });

  it("until a visitor's quest is there", async () => {
    history.replaceState(null, "", "/quests/q1");
    const { allowedActions: _, ...quest } = view([]);
    await serve({ "GET /published/quests/q1.json": quest });
    await takeOver(root("2026-03-01T10:00:00.000Z"), Promise.resolve());
    expect(queryClient.getQueryData(questQuery("q1").queryKey)).toMatchObject({ title: "Carry a sofa" });
  });

  it("no longer than a reader waits, whatever does not answer", async () => {
    vi.useFakeTimers();
    await serve({ "GET /published/board.json": () => new Promise(() => undefined) });
    const done = vi.fn();
    takeOver(root("2026-03-01T10:00:00.000Z"), Promise.resolve()).then(done);
    await vi.advanceTimersByTimeAsync(3_900);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    expect(done).toHaveBeenCalled();
  });

  it("no longer where the stage's configuration is missing", async () => {
    history.replaceState(null, "", "/quests/q1");
    await serve({});
    await takeOver(root("2026-03-01T10:00:00.000Z"), Promise.reject(new Error("no config")));
  });
});
