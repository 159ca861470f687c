/**
 * Cognito's refusals. One exception has several meanings, which its operation and its message tell apart (Amazon Cognito
 * API reference, errors of each operation; "Managing user existence error responses" for what is hidden on purpose).
 */
import { lookUp, t } from "../lib/text";

export type Outcome = keyof typeof t.auth.codes;

interface Rule {
  exception: string;
  operation?: string;
  message?: RegExp;
  outcome: Outcome;
}

/** In this order: the first that fits. An exception without a rule stands for itself. */
const RULES: readonly Rule[] = [
  { exception: "NotAuthorizedException", message: /attempts exceeded/i, outcome: "lockedOut" },
  { exception: "NotAuthorizedException", message: /user is disabled/i, outcome: "disabled" },
  { exception: "NotAuthorizedException", message: /status is CONFIRMED/i, outcome: "alreadyConfirmed" },
  { exception: "InvalidParameterException", message: /already confirmed/i, outcome: "alreadyConfirmed" },
  { exception: "NotAuthorizedException", message: /token/i, outcome: "sessionEnded" },
  { exception: "NotAuthorizedException", operation: "ChangePassword", outcome: "wrongCurrentPassword" },
  { exception: "NotAuthorizedException", operation: "ForgotPassword", outcome: "cannotReset" },
  { exception: "InvalidParameterException", message: /no registered\/verified/i, outcome: "neverConfirmed" },
  { exception: "InvalidParameterException", message: /password/i, outcome: "passwordShape" },
  { exception: "InvalidParameterException", message: /e-?mail|username/i, outcome: "emailShape" },
  { exception: "AliasExistsException", outcome: "UsernameExistsException" },
  { exception: "PasswordHistoryPolicyViolationException", outcome: "passwordUsedBefore" },
  { exception: "CodeDeliveryFailureException", outcome: "mailNotSent" },
  { exception: "ThrottlingException", outcome: "TooManyRequestsException" },
  { exception: "RequestLimitExceeded", outcome: "TooManyRequestsException" },
];

/** The meaning of a refusal to the member; undefined for what they can only try again. */
export function outcomeOf(operation: string, exception: string, message: string): Outcome | undefined {
  const rule = RULES.find(
    (candidate) =>
      candidate.exception === exception &&
      (candidate.operation === undefined || candidate.operation === operation) &&
      (candidate.message?.test(message) ?? true),
  );
  if (rule) return rule.outcome;
  return lookUp(t.auth.codes, exception) === undefined ? undefined : (exception as Outcome);
}

/** Refusals of a refresh token that no later attempt changes: they end the session, all others leave it. */
export const ENDS_SESSION: ReadonlySet<string> = new Set([
  "NotAuthorizedException",
  "UserNotFoundException",
  "UserNotConfirmedException",
  "PasswordResetRequiredException",
  "RefreshTokenReuseException",
]);
