import { type RenderResult, render } from "@testing-library/preact";
import { App } from "../src/app/App";

/** The whole page at an address, as a member would open it. */
export function open(address: string): RenderResult {
  history.replaceState(null, "", address);
  return render(<App />);
}

export const address = (): string => location.pathname + location.search;
