/**
 * The app's headers, judged by the tests of Mozilla's HTTP Observatory without leaving the machine.
 *
 * The local front door speaks HTTP, where CloudFront speaks HTTPS and redirects to it (infra/components/site.py): the
 * answer's headers and body are the real ones; its scheme, the redirect and Cognito's scheme are put in.
 */

import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ALL_TESTS } from "@mdn/mdn-http-observatory/src/constants.js";
import { getGradeForScore, getScoreModifier } from "@mdn/mdn-http-observatory/src/grader/grader.js";
import { Requests } from "@mdn/mdn-http-observatory/src/types.js";
import { expect, test } from "@playwright/test";

const HOST = "civicforge.example";
const COGNITO = "cognito-idp.eu-central-1.amazonaws.com";

/** The list of preloaded hosts that the scanner downloads on installation; no stage of ours is on it. */
function withoutPreloadList(): void {
  const list = createRequire(import.meta.url).resolve("@mdn/mdn-http-observatory/conf/config-example.json");
  const file = list.replace("config-example", "hsts-preload");
  if (!existsSync(file)) writeFileSync(file, "{}");
}

test("the Observatory gives A+ with at least 130 points, and no test fails", async ({ request }) => {
  withoutPreloadList();
  const answer = await request.get("/");
  const policy = (answer.headers()["content-security-policy"] ?? "").replace(
    /http:\/\/localhost:\d+/,
    `https://${COGNITO}`,
  );
  const response = {
    status: answer.status(),
    headers: { ...answer.headers(), "content-security-policy": policy },
    verified: true,
    httpEquiv: new Map(),
    request: { protocol: "https:", host: HOST },
  };
  const site = new Requests(HOST);
  const steps = ["http", "https"].map((scheme) => ({ url: new URL(`${scheme}://${HOST}/`), status: 200 }));
  Object.assign(site.responses, {
    auto: response,
    http: response,
    https: response,
    httpRedirects: steps,
    httpsRedirects: steps,
  });
  site.resources.path = await answer.text();
  site.session = { url: new URL(`https://${HOST}/`), jar: null, redirectHistory: steps };

  const results = ALL_TESTS.map((judge) => judge(site));
  expect(results.filter(({ pass }) => !pass).map((judged) => `${judged.constructor.name}: ${judged.result}`)).toEqual(
    [],
  );
  const score = results.reduce((sum, { result }) => sum + (getScoreModifier(result) ?? 0), 100);
  expect(score).toBeGreaterThanOrEqual(130);
  expect(getGradeForScore(score).grade).toBe("A+");
});
