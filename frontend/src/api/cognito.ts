/** The user pool, straight from the browser; loaded when somebody signs in or a token runs out. */
import { config } from "./config";
import { endSession, type Session, sessionState, startSession, type Tokens } from "./session";
import { type Challenge, srpClient } from "./srp";

/** `code` is Cognito's exception name, e.g. `NotAuthorizedException`, or `network`. */
export class SignInError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function call<T>(operation: string, body: Record<string, unknown>): Promise<T> {
  const response = await fetch(config().cognitoEndpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new SignInError("network", "the sign-in service does not answer");
  });
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as T;
  const type = String(answer.__type ?? `http${response.status}`);
  throw new SignInError(type.split("#").at(-1) ?? type, String(answer.message ?? type));
}

const ClientId = () => config().userPoolClientId;

export const signUp = (email: string, password: string): Promise<unknown> =>
  call("SignUp", {
    ClientId: ClientId(),
    Username: email,
    Password: password,
    UserAttributes: [{ Name: "email", Value: email }],
  });

export const confirmSignUp = (email: string, code: string): Promise<unknown> =>
  call("ConfirmSignUp", { ClientId: ClientId(), Username: email, ConfirmationCode: code });

export const resendCode = (email: string): Promise<unknown> =>
  call("ResendConfirmationCode", { ClientId: ClientId(), Username: email });

export const forgotPassword = (email: string): Promise<unknown> =>
  call("ForgotPassword", { ClientId: ClientId(), Username: email });

export const resetPassword = (email: string, code: string, password: string): Promise<unknown> =>
  call("ConfirmForgotPassword", { ClientId: ClientId(), Username: email, ConfirmationCode: code, Password: password });

interface AuthAnswer {
  ChallengeName?: string;
  ChallengeParameters?: unknown;
  Session?: string;
  AuthenticationResult?: Tokens;
}

/** @throws SignInError `NotAuthorizedException` for a wrong password, `UserNotConfirmedException` before the code. */
export async function signIn(email: string, password: string): Promise<Session> {
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
    ChallengeResponses: await srp.answer(opened.ChallengeParameters as Challenge, password),
  });
  if (!answered.AuthenticationResult) throw new SignInError("challenge", String(answered.ChallengeName));
  return startSession(answered.AuthenticationResult);
}

let renewing: Promise<Session | undefined> | undefined;

/** A fresh session, shared by all who ask at once; undefined once the refresh token is no longer good. */
export function renew(): Promise<Session | undefined> {
  renewing ??= (async () => {
    const { session } = sessionState();
    if (!session) return undefined;
    try {
      const answer = await call<AuthAnswer>("InitiateAuth", {
        ClientId: ClientId(),
        AuthFlow: "REFRESH_TOKEN_AUTH",
        AuthParameters: { REFRESH_TOKEN: session.refreshToken },
      });
      if (answer.AuthenticationResult) return startSession(answer.AuthenticationResult);
    } catch (error) {
      // A poor network is no reason to throw a member out.
      if (error instanceof SignInError && (error.code === "network" || error.code.startsWith("http"))) throw error;
    }
    endSession({ expired: true });
    return undefined;
  })().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/** Ends the session here; the revocation of the refresh token is best effort, so that it also works offline. */
export async function signOut(): Promise<void> {
  const { session } = sessionState();
  endSession({ expired: false });
  if (session) await call("RevokeToken", { ClientId: ClientId(), Token: session.refreshToken }).catch(() => undefined);
}

/** Ends every session of the member. @throws SignInError when the service does not confirm it: then nothing has ended. */
export async function signOutEverywhere(): Promise<void> {
  const { session } = sessionState();
  if (session) await call("GlobalSignOut", { AccessToken: session.accessToken });
  endSession({ expired: false });
}
