import { screen } from "@testing-library/preact";
import { expect, it } from "vitest";
import { serve } from "../../../test/api";
import { open } from "../../../test/page";
import { t } from "../../lib/text";

it("the link in a mail ends the mails without signing in", async () => {
  const calls = await serve({ "POST /unsubscribe": { mail: "never" } });
  open("/unsubscribe?token=signed");
  expect(await screen.findByText(t.unsubscribe.done)).toBeTruthy();
  expect(calls.filter(({ method }) => method === "POST")).toHaveLength(1);
});
