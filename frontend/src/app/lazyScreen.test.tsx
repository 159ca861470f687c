import { act, render, screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, describe, expect, it, vi } from "vitest";
import { t } from "../lib/text";
import { ANSWER_MS } from "../lib/within";
import { lazyScreen } from "./lazyScreen";

const Page = () => <h1>It is here</h1>;

function open(load: () => Promise<typeof Page>) {
  const Lazy = lazyScreen(load);
  return render(
    <LocationProvider>
      <Router>{[<Route key="/" path="/" component={Lazy} />]}</Router>
    </LocationProvider>,
  );
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a screen whose code did not load", () => {
  it.each([
    ["the network is gone", () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"))],
    ["the server refuses", () => Promise.reject(new Error("403"))],
  ])("says so when %s, and loads when asked again", async (_, fail) => {
    const load = vi.fn<() => Promise<typeof Page>>().mockImplementationOnce(fail).mockResolvedValue(Page);
    open(load);
    expect(await screen.findByRole("heading", { name: t.errors.screenTitle })).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.common.retry }));
    expect(await screen.findByText("It is here")).toBeTruthy();
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("says so when nothing comes in time, and shows what comes late when asked", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    let arrive: (page: typeof Page) => void = () => undefined;
    const load = vi.fn<() => Promise<typeof Page>>().mockReturnValue(
      new Promise((resolve) => {
        arrive = resolve;
      }),
    );
    open(load);
    expect(screen.queryByText(t.errors.screenTitle)).toBeNull();
    await act(async () => void (await vi.advanceTimersByTimeAsync(ANSWER_MS)));
    expect(await screen.findByText(t.errors.screenTitle)).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: t.common.retry }));
    arrive(Page);
    await waitFor(() => expect(screen.getByText("It is here")).toBeTruthy());
  });

  it("fails again, and says so again", async () => {
    const load = vi.fn<() => Promise<typeof Page>>().mockRejectedValue(new Error("still away"));
    open(load);
    await userEvent.click(await screen.findByRole("button", { name: t.common.retry }));
    expect(await screen.findByRole("button", { name: t.common.retry })).toBeTruthy();
    expect(load).toHaveBeenCalledTimes(2);
  });
});
