import { cleanup, configure } from "@testing-library/preact";
import { afterEach, beforeEach } from "vitest";
import { queryClient } from "../src/api/queries";
import { reportService } from "../src/api/service";
import { endSession } from "../src/api/session";
import { loadScreenWords, showLanguage } from "../src/lib/text";
import { serve } from "./api";

// A loaded machine is no failure.
configure({ asyncUtilTimeout: 10_000 });

// Here, not in a hook: tests name words in their titles and tables.
await loadScreenWords();

beforeEach(async () => {
  history.replaceState(null, "", "/");
  await serve({});
});

afterEach(async () => {
  cleanup();
  await showLanguage("en");
  endSession({ expired: false });
  localStorage.clear();
  sessionStorage.clear();
  queryClient.clear();
  reportService("up");
});
