/** The offer of each action: its weight, whether it takes words, and which call it makes. */

import { questActions } from "../../api/actions";
import { AttestBody, ReasonBody, ReleaseBody, ResolveBody, StatementBody, SubmitBody } from "../../api/limits.gen";
import type { Action, Outcome, QuestView } from "../../api/types";
import type { Constraint } from "../../lib/validate";

export interface ActionInput {
  text: string;
  /** Of a moderator's decision; the form asks for it. */
  outcome: Outcome | undefined;
  /** The note may be shown on the performer's profile. */
  thanks: boolean;
}

interface Offer {
  variant: "primary" | "quiet" | "plain" | "danger";
  /** The limits of the text that goes with it; absent where none does. */
  text?: Constraint;
  /** `seen` is the version of the quest that the member looked at. */
  run: (questId: string, words: ActionInput, seen: number) => Promise<QuestView>;
}

export type FormAction = Exclude<Action, "edit">;

export const OFFERS: Record<FormAction, Offer> = {
  claim: { variant: "primary", run: (id, _, seen) => questActions.claim(id, seen) },
  submit: { variant: "primary", text: SubmitBody.submission, run: (id, { text }) => questActions.submit(id, text) },
  attest: {
    variant: "primary",
    text: AttestBody.notes,
    run: (id, { text, thanks }) => questActions.attest(id, text, thanks),
  },
  resolve: {
    variant: "primary",
    text: ResolveBody.decision,
    run: (id, { text, outcome }) => {
      if (!outcome) throw new Error("a decision has an outcome");
      return questActions.resolve(id, outcome, text);
    },
  },
  "request-changes": {
    variant: "quiet",
    text: ReasonBody.reason,
    run: (id, { text }) => questActions.requestChanges(id, text),
  },
  dispute: { variant: "plain", text: ReasonBody.reason, run: (id, { text }) => questActions.dispute(id, text) },
  release: { variant: "plain", text: ReleaseBody.reason, run: (id, { text }) => questActions.release(id, text) },
  withdraw: { variant: "danger", text: ReasonBody.reason, run: (id, { text }) => questActions.withdraw(id, text) },
  state: { variant: "primary", text: StatementBody.statement, run: (id, { text }) => questActions.state(id, text) },
  hide: { variant: "plain", text: ReasonBody.reason, run: (id, { text }) => questActions.hide(id, text) },
  unhide: { variant: "plain", run: (id) => questActions.unhide(id) },
  cancel: { variant: "danger", run: (id) => questActions.cancel(id) },
};

export const isFormAction = (name: string | undefined): name is FormAction => !!name && name in OFFERS;

/** Actions in the order in which they are offered. */
export const ORDER: readonly Action[] = [
  "claim",
  "submit",
  "attest",
  "state",
  "resolve",
  "request-changes",
  "edit",
  "release",
  "dispute",
  "withdraw",
  "cancel",
  "hide",
  "unhide",
];
