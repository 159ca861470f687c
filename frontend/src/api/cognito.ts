/** The user pool, straight from the browser; loaded when somebody signs in or a token runs out. */
import { recall } from "../lib/storage";
import { language } from "../lib/text";
import { within } from "../lib/within";
import { config } from "./config";
import { ENDS_SESSION, type Outcome, outcomeOf } from "./outcomes";
import {
  adoptSharedSession,
  endSession,
  isSameSession,
  renewSession,
  type Session,
  sessionState,
  sharedSession,
  startSession,
  type Tokens,
} from "./session";
import { type Challenge, srpClient } from "./srp";

/** `code` is Cognito's exception name, e.g. `NotAuthorizedException`, or `network`. */
export class SignInError extends Error {
  readonly outcome: Outcome | undefined;

  constructor(
    readonly code: string,
    message: string,
    operation = "",
  ) {
    super(message);
    this.outcome = outcomeOf(operation, code, message);
  }
}

/** @throws SignInError for a refusal, and with code `network` when no answer came in time. */
async function call<T>(operation: string, body: Record<string, unknown>): Promise<T> {
  const response = await within(
    fetch(config().cognitoEndpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
      },
      body: JSON.stringify(body),
    }),
  ).catch(() => {
    throw new SignInError("network", "the sign-in service does not answer");
  });
  const answer = (await within(response.json()).catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as T;
  const type = String(answer.__type ?? `http${response.status}`);
  throw new SignInError(type.split("#").at(-1) ?? type, String(answer.message ?? type), operation);
}

/** One spelling of the same letters: devices differ in how they encode them, hashes and Cognito compare bytes. */
const normalised = (password: string): string => password.normalize("NFC");

const ClientId = () => config().userPoolClientId;

/** The language of the mail that the operation sends (services/onboarding/code_mails.py). */
const ClientMetadata = () => ({ locale: language() });

export const signUp = (email: string, password: string): Promise<unknown> =>
  call("SignUp", {
    ClientId: ClientId(),
    Username: email,
    Password: normalised(password),
    UserAttributes: [{ Name: "email", Value: email }],
    ClientMetadata: ClientMetadata(),
  });

export const confirmSignUp = (email: string, code: string): Promise<unknown> =>
  call("ConfirmSignUp", { ClientId: ClientId(), Username: email, ConfirmationCode: code });

export const resendCode = (email: string): Promise<unknown> =>
  call("ResendConfirmationCode", { ClientId: ClientId(), Username: email, ClientMetadata: ClientMetadata() });

export const forgotPassword = (email: string): Promise<unknown> =>
  call("ForgotPassword", { ClientId: ClientId(), Username: email, ClientMetadata: ClientMetadata() });

export const resetPassword = (email: string, code: string, password: string): Promise<unknown> =>
  call("ConfirmForgotPassword", {
    ClientId: ClientId(),
    Username: email,
    ConfirmationCode: code,
    Password: normalised(password),
  });

interface AuthAnswer {
  ChallengeName?: string;
  ChallengeParameters?: unknown;
  Session?: string;
  AuthenticationResult?: Tokens;
}

/** The module of the notices on this device, if it shows any: they belong to one member. */
const push = async () => (recall("push") === undefined ? undefined : import("./push"));

/** @throws SignInError `NotAuthorizedException` for a wrong password, `UserNotConfirmedException` before the code. */
export async function signIn(email: string, password: string): Promise<Session> {
  const session = startSession(await authenticate(email, password));
  push()
    .then((loaded) => loaded?.repairPush())
    .catch(() => undefined);
  return session;
}

/** Checks the member's password again, without starting a session. @throws SignInError as `signIn`. */
export async function provePassword(email: string, password: string): Promise<void> {
  const { RefreshToken } = await authenticate(email, password);
  if (RefreshToken) await call("RevokeToken", { ClientId: ClientId(), Token: RefreshToken }).catch(() => undefined);
}

async function authenticate(email: string, password: string): Promise<Tokens> {
  const srp = srpClient(config().userPoolId);
  const opened = await call<AuthAnswer>("InitiateAuth", {
    ClientId: ClientId(),
    AuthFlow: "USER_SRP_AUTH",
    AuthParameters: { USERNAME: email, SRP_A: srp.publicValue },
  });
  if (opened.ChallengeName !== "PASSWORD_VERIFIER") throw new SignInError("challenge", String(opened.ChallengeName));
  const answered = await call<AuthAnswer>("RespondToAuthChallenge", {
    ClientId: ClientId(),
    ChallengeName: opened.ChallengeName,
    ...(opened.Session ? { Session: opened.Session } : {}),
    ChallengeResponses: await srp.answer(opened.ChallengeParameters as Challenge, normalised(password)),
  });
  if (!answered.AuthenticationResult) throw new SignInError("challenge", String(answered.ChallengeName));
  return answered.AuthenticationResult;
}

/** A token that ends within this time is renewed first. */
const RENEW_BEFORE_MS = 30_000;

export const isRunningOut = (session: Session): boolean => session.expiresAt < Date.now() + RENEW_BEFORE_MS;

async function renewNow(): Promise<Session | undefined> {
  const { session } = sessionState();
  if (!session) return undefined;
  // While this tab waited for its turn another one may have renewed the session, or ended it.
  const shared = sharedSession();
  if (!isSameSession(shared, session)) {
    adoptSharedSession();
    return undefined;
  }
  if (shared && shared.accessToken !== session.accessToken && !isRunningOut(shared)) {
    adoptSharedSession();
    return shared;
  }
  try {
    // Tokens rotate: the answer has a new refresh token, and the one that was sent ends soon (identity.py).
    const answer = await call<AuthAnswer>("GetTokensFromRefreshToken", {
      ClientId: ClientId(),
      RefreshToken: shared?.refreshToken ?? session.refreshToken,
    });
    if (!answer.AuthenticationResult) throw new SignInError("challenge", String(answer.ChallengeName));
    return renewSession(session, answer.AuthenticationResult);
  } catch (error) {
    if (!(error instanceof SignInError) || !ENDS_SESSION.has(error.code)) throw error;
    if (isSameSession(sharedSession(), session)) endSession({ expired: true });
    return undefined;
  }
}

let renewing: { session: Session | undefined; outcome: Promise<Session | undefined> } | undefined;

/** One tab after the other, where the browser has Web Locks. */
const inTurn = async (work: () => Promise<Session | undefined>): Promise<Session | undefined> =>
  navigator.locks ? navigator.locks.request("civicforge.session", work) : work();

/**
 * A fresh session, shared by all who ask at once, in this tab and in others; undefined once there is none any more.
 * @throws SignInError for a refusal that may pass: the session stays.
 */
export function renew(): Promise<Session | undefined> {
  const { session } = sessionState();
  if (renewing && isSameSession(renewing.session, session)) return renewing.outcome;
  const mine = { session, outcome: inTurn(renewNow) };
  renewing = mine;
  const done = () => {
    if (renewing === mine) renewing = undefined;
  };
  mine.outcome.then(done, done);
  return mine.outcome;
}

async function accessToken(): Promise<string> {
  let { session } = sessionState();
  if (session && isRunningOut(session)) session = await renew();
  if (!session) throw new SignInError("NotAuthorizedException", "the access token is gone");
  return session.accessToken;
}

export const changePassword = async (previous: string, proposed: string): Promise<unknown> =>
  call("ChangePassword", {
    AccessToken: await accessToken(),
    PreviousPassword: normalised(previous),
    ProposedPassword: normalised(proposed),
  });

/** Has a code sent to `email`; the old address stays until `confirmEmail`. */
export const changeEmail = async (email: string): Promise<unknown> =>
  call("UpdateUserAttributes", {
    AccessToken: await accessToken(),
    UserAttributes: [{ Name: "email", Value: email }],
    ClientMetadata: ClientMetadata(),
  });

/** Makes the address to which `code` was sent the member's. The new tokens that show it are fetched at once. */
export async function confirmEmail(code: string): Promise<void> {
  await call("VerifyUserAttribute", { AccessToken: await accessToken(), AttributeName: "email", Code: code });
  await renew().catch(() => undefined);
}

/** Ends the session here; the revocation of the refresh token is best effort, so that it also works offline. */
export async function signOut(): Promise<void> {
  await (await push().catch(() => undefined))?.stopPushAtSignOut(false);
  const { session } = sessionState();
  endSession({ expired: false });
  if (session) await call("RevokeToken", { ClientId: ClientId(), Token: session.refreshToken }).catch(() => undefined);
}

/** Ends every session of the member. @throws SignInError when the service does not confirm it: then nothing has ended. */
export async function signOutEverywhere(): Promise<void> {
  const { session } = sessionState();
  if (session) {
    await call("GlobalSignOut", { AccessToken: await accessToken() });
    await import("./push").then((loaded) => loaded.stopPushAtSignOut(true)).catch(() => undefined);
  }
  endSession({ expired: false });
}
