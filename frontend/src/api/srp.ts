/** The client's half of SRP-6a as Amazon Cognito speaks it (RFC 5054's 3072-bit group, SHA-256, HKDF). */
const N_HEX =
  "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
  "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
  "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
  "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
  "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
  "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
  "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
  "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

const encoder = new TextEncoder();
const toBigInt = (hex: string): bigint => BigInt(`0x${hex}`);
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const toBytes = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Even length, and a leading zero byte where the number would read as negative: Java's BigInteger, which Cognito uses. */
export function pad(value: bigint): string {
  const hex = value.toString(16);
  const even = hex.length % 2 === 1 ? `0${hex}` : hex;
  return /^[89a-f]/i.test(even) ? `00${even}` : even;
}

export function powMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let factor = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % modulus;
    factor = (factor * factor) % modulus;
  }
  return result;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

async function hmac(key: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

function joined(...parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

export const N = toBigInt(N_HEX);
export const g = 2n;
export const multiplier = async (): Promise<bigint> => toBigInt(await sha256(toBytes(pad(N) + pad(g))));

/** H(salt | H(pool user ":" password)), the private key that the password stands for. */
export async function privateKey(salt: bigint, identity: string, password: string): Promise<bigint> {
  const secret = await sha256(encoder.encode(`${identity}:${password}`));
  return toBigInt(await sha256(toBytes(pad(salt) + secret)));
}

/** The 16-byte key that both sides derive from the shared secret. */
export async function sessionKey(secret: bigint, scrambler: bigint): Promise<Uint8Array<ArrayBuffer>> {
  const pseudoRandom = await hmac(toBytes(pad(scrambler)), toBytes(pad(secret)));
  return (await hmac(pseudoRandom, joined(encoder.encode("Caldera Derived Key"), Uint8Array.of(1)))).slice(0, 16);
}

/** "Mon Jan 2 03:04:05 UTC 2026", the one form of time that Cognito accepts. */
export function timestamp(now: Date): string {
  const [weekday, date, month, year, time] = now.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${Number(date)} ${time} UTC ${year}`;
}

export interface Challenge {
  SRP_B: string;
  SALT: string;
  SECRET_BLOCK: string;
  USER_ID_FOR_SRP: string;
}

/** One sign-in: `publicValue` opens it, `answer` proves the password without sending it. */
export function srpClient(userPoolId: string, now: () => Date = () => new Date()) {
  const poolName = userPoolId.split("_")[1] ?? "";
  const a = toBigInt(toHex(crypto.getRandomValues(new Uint8Array(32))));
  const A = powMod(g, a, N);
  return {
    publicValue: A.toString(16),

    /** @throws Error when the server's value is one that would give the password away. */
    async answer(challenge: Challenge, password: string): Promise<Record<string, string>> {
      const B = toBigInt(challenge.SRP_B);
      const u = toBigInt(await sha256(toBytes(pad(A) + pad(B))));
      if (B % N === 0n || u === 0n) throw new Error("the sign-in service sent an unsafe value");
      const x = await privateKey(toBigInt(challenge.SALT), poolName + challenge.USER_ID_FOR_SRP, password);
      const base = (((B - (await multiplier()) * powMod(g, x, N)) % N) + N) % N;
      const key = await sessionKey(powMod(base, a + u * x, N), u);
      const time = timestamp(now());
      const message = joined(
        encoder.encode(poolName + challenge.USER_ID_FOR_SRP),
        fromBase64(challenge.SECRET_BLOCK),
        encoder.encode(time),
      );
      return {
        USERNAME: challenge.USER_ID_FOR_SRP,
        TIMESTAMP: time,
        PASSWORD_CLAIM_SECRET_BLOCK: challenge.SECRET_BLOCK,
        PASSWORD_CLAIM_SIGNATURE: btoa(String.fromCharCode(...(await hmac(key, message)))),
      };
    },
  };
}
