import type { ComponentChildren } from "preact";
import { SignInError } from "../api/cognito";
import type { Outcome } from "../api/outcomes";
import { t } from "../lib/text";
import { Failure, Note } from "./feedback";

export const isCode = (error: unknown, code: string): boolean => error instanceof SignInError && error.code === code;

export const hasSignInOutcome = (error: unknown, outcome: Outcome): boolean =>
  error instanceof SignInError && error.outcome === outcome;

/** Cognito's refusal, in words; other errors are shown by `Failure`. */
export function Refusal({ error, children }: { error: unknown; children?: ComponentChildren }) {
  if (!(error instanceof SignInError)) return <Failure error={error} />;
  return (
    <div role="alert">
      <Note variant="bad">
        {error.outcome ? t.auth.codes[error.outcome] : t.auth.failed} {children}
      </Note>
    </div>
  );
}
