/** How each action is offered: its weight, whether it takes words, and which call it makes. */
import { AttestBody, ReasonBody, ResolveBody, SubmitBody } from "../../api/limits.gen";
import { questActions } from "../../api/queries";
import type { Action, Outcome, QuestView } from "../../api/types";
import type { Constraint } from "../../lib/validate";

export interface Words {
  text: string;
  outcome: Outcome;
}

interface Offer {
  look: "primary" | "quiet" | "plain" | "danger";
  /** The limits of the text that goes with it; absent where none does. */
  text?: Constraint;
  run: (questId: string, words: Words) => Promise<QuestView>;
}

export type FormAction = Exclude<Action, "edit">;

export const OFFERS: Record<FormAction, Offer> = {
  claim: { look: "primary", run: (id) => questActions.claim(id) },
  submit: { look: "primary", text: SubmitBody.submission, run: (id, { text }) => questActions.submit(id, text) },
  attest: { look: "primary", text: AttestBody.notes, run: (id, { text }) => questActions.attest(id, text) },
  resolve: {
    look: "primary",
    text: ResolveBody.decision,
    run: (id, { text, outcome }) => questActions.resolve(id, outcome, text),
  },
  "request-changes": {
    look: "quiet",
    text: ReasonBody.reason,
    run: (id, { text }) => questActions.requestChanges(id, text),
  },
  dispute: { look: "plain", text: ReasonBody.reason, run: (id, { text }) => questActions.dispute(id, text) },
  release: { look: "plain", run: (id) => questActions.release(id) },
  cancel: { look: "danger", run: (id) => questActions.cancel(id) },
};

export const isFormAction = (name: string | undefined): name is FormAction => !!name && name in OFFERS;

/** Actions in the order in which they are offered. */
export const ORDER: readonly Action[] = [
  "claim",
  "submit",
  "attest",
  "resolve",
  "request-changes",
  "edit",
  "release",
  "dispute",
  "cancel",
];
