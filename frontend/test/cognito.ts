/** The server's half of SRP, written from the protocol and not from the client: k, u and the signature come from here. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { N } from "../src/api/srp";
import { tokens } from "./api";

const hash = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const big = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString("hex")}`);

/** Two's complement, big endian, as Java writes a positive BigInteger. */
function bytesOf(value: bigint): Buffer {
  let hex = value.toString(16);
  if (hex.length % 2) hex = `0${hex}`;
  const bytes = Buffer.from(hex, "hex");
  return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % N;
    if (bit === "1") result = (result * base) % N;
  }
  return result;
}

export function srpServer(poolName: string, userId: string, password: string) {
  const salt = big(randomBytes(16));
  const x = big(hash(bytesOf(salt), hash(Buffer.from(`${poolName}${userId}:${password}`))));
  const verifier = power(2n, x);
  const k = big(hash(bytesOf(N), bytesOf(2n)));
  const b = big(randomBytes(32));
  const B = (k * verifier + power(2n, b)) % N;
  const secretBlock = randomBytes(64);
  return {
    challenge: {
      SRP_B: B.toString(16),
      SALT: salt.toString(16),
      SECRET_BLOCK: secretBlock.toString("base64"),
      USER_ID_FOR_SRP: userId,
    },
    accepts(A: bigint, responses: Record<string, string>): boolean {
      const u = big(hash(bytesOf(A), bytesOf(B)));
      const secret = power((A * power(verifier, u)) % N, b);
      const pseudoRandom = createHmac("sha256", bytesOf(u)).update(bytesOf(secret)).digest();
      const key = createHmac("sha256", pseudoRandom).update("Caldera Derived Key\x01").digest().subarray(0, 16);
      const signature = createHmac("sha256", key)
        .update(poolName + userId)
        .update(secretBlock)
        .update(responses.TIMESTAMP ?? "")
        .digest("base64");
      return signature === responses.PASSWORD_CLAIM_SIGNATURE;
    },
  };
}

/** Answers for `serve`: a user pool in which the member has this password. */
export function userPool(userId: string, password: string, groups: string[] = []) {
  const server = srpServer("TestPool", userId, password);
  let A = 0n;
  return {
    "Cognito.InitiateAuth": ({ body }: { body: unknown }) => {
      A = BigInt(`0x${(body as { AuthParameters: { SRP_A: string } }).AuthParameters.SRP_A}`);
      return { ChallengeName: "PASSWORD_VERIFIER", ChallengeParameters: server.challenge };
    },
    "Cognito.RespondToAuthChallenge": ({ body }: { body: unknown }) =>
      server.accepts(A, (body as { ChallengeResponses: Record<string, string> }).ChallengeResponses)
        ? { AuthenticationResult: tokens(userId, groups) }
        : new Response(
            JSON.stringify({ __type: "NotAuthorizedException", message: "Incorrect username or password." }),
            { status: 400 },
          ),
  };
}
