import type { ComponentChildren } from "preact";
import { SignInError } from "../../api/cognito";
import { lookUp, t } from "../../lib/text";
import { Failure, Note } from "../../ui/feedback";

export const isCode = (error: unknown, code: string): boolean => error instanceof SignInError && error.code === code;

/** What Cognito refused, in words; other errors are shown by `Failure`. */
export function Refusal({ error, children }: { error: unknown; children?: ComponentChildren }) {
  if (!(error instanceof SignInError)) return <Failure error={error} />;
  return (
    <div role="alert">
      <Note variant="bad">
        {lookUp(t.auth.codes, error.code) ?? t.auth.failed} {children}
      </Note>
    </div>
  );
}
