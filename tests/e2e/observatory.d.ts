/** The parts of the scanner that headers.spec.ts uses; it ships no types. */
declare module "@mdn/mdn-http-observatory/src/constants.js" {
  export const ALL_TESTS: ((site: object) => { pass: boolean; result: string; constructor: { name: string } })[];
}
declare module "@mdn/mdn-http-observatory/src/grader/grader.js" {
  export function getScoreModifier(result: string): number | undefined;
  export function getGradeForScore(score: number): { score: number; grade: string };
}
declare module "@mdn/mdn-http-observatory/src/types.js" {
  export class Requests {
    constructor(hostname: string);
    responses: object;
    resources: { path: string };
    session: object | null;
  }
}
