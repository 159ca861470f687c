import { describe, expect, it } from "vitest";
import { t } from "../lib/text";
import { outcomeOf } from "./outcomes";

/** Operation, exception and message as Amazon Cognito documents or answers them. */
const TABLE = [
  ["InitiateAuth", "NotAuthorizedException", "Incorrect username or password.", "NotAuthorizedException"],
  ["InitiateAuth", "NotAuthorizedException", "Password attempts exceeded", "lockedOut"],
  ["InitiateAuth", "NotAuthorizedException", "User is disabled.", "disabled"],
  ["InitiateAuth", "NotAuthorizedException", "Refresh Token has expired", "sessionEnded"],
  ["InitiateAuth", "PasswordResetRequiredException", "Password reset required", "PasswordResetRequiredException"],
  ["SignUp", "UsernameExistsException", "User already exists", "UsernameExistsException"],
  [
    "SignUp",
    "InvalidParameterException",
    "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern",
    "passwordShape",
  ],
  ["SignUp", "InvalidParameterException", "Invalid email address format.", "emailShape"],
  ["SignUp", "InvalidParameterException", "Username should be an email.", "emailShape"],
  ["SignUp", "InvalidPasswordException", "Password did not conform with policy", "InvalidPasswordException"],
  ["SignUp", "CodeDeliveryFailureException", "Unable to deliver message", "mailNotSent"],
  [
    "ConfirmSignUp",
    "NotAuthorizedException",
    "User cannot be confirmed. Current status is CONFIRMED",
    "alreadyConfirmed",
  ],
  ["ConfirmSignUp", "CodeMismatchException", "Invalid verification code provided", "CodeMismatchException"],
  [
    "ConfirmSignUp",
    "ExpiredCodeException",
    "Invalid code provided, please request a code again.",
    "ExpiredCodeException",
  ],
  ["ConfirmSignUp", "AliasExistsException", "An account with the email already exists.", "UsernameExistsException"],
  ["ResendConfirmationCode", "InvalidParameterException", "User is already confirmed.", "alreadyConfirmed"],
  ["ResendConfirmationCode", "LimitExceededException", "Attempt limit exceeded", "LimitExceededException"],
  [
    "ForgotPassword",
    "InvalidParameterException",
    "Cannot reset password for the user as there is no registered/verified email or phone_number",
    "neverConfirmed",
  ],
  ["ForgotPassword", "NotAuthorizedException", "User password cannot be reset in the current state.", "cannotReset"],
  ["ForgotPassword", "ThrottlingException", "Rate exceeded", "TooManyRequestsException"],
  ["ConfirmForgotPassword", "TooManyFailedAttemptsException", "x", "TooManyFailedAttemptsException"],
  ["ChangePassword", "NotAuthorizedException", "Incorrect username or password.", "wrongCurrentPassword"],
  ["ChangePassword", "NotAuthorizedException", "Access Token has been revoked", "sessionEnded"],
  ["ChangePassword", "PasswordHistoryPolicyViolationException", "x", "passwordUsedBefore"],
  [
    "UpdateUserAttributes",
    "AliasExistsException",
    "An account with the given email already exists.",
    "UsernameExistsException",
  ],
] as const;

describe("a refusal of Cognito", () => {
  it.each(TABLE)("%s, %s: %s is %s", (operation, exception, message, outcome) => {
    expect(outcomeOf(operation, exception, message)).toBe(outcome);
    expect(t.auth.codes[outcome]).toBeTruthy();
  });

  it("that nobody has heard of is none in particular", () => {
    expect(outcomeOf("SignUp", "BrandNewException", "")).toBeUndefined();
    expect(outcomeOf("SignUp", "toString", "")).toBeUndefined();
  });
});
