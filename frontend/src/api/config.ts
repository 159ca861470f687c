import { within } from "../lib/within";

/** `config.json`, written by the stage: one build serves every stage. */
export interface StageConfig {
  stage: string;
  apiBase: string;
  region: string;
  userPoolId: string;
  userPoolClientId: string;
  /** The address of the user pool's API. */
  cognitoEndpoint: string;
  /** The page on which the local cloud shows the mails that it would have sent; null on AWS. */
  mailbox: string | null;
  /** The public key that browsers subscribe to notices with (VAPID); a stage of an older release has none. */
  pushKey?: string;
}

let loaded: StageConfig | undefined;

/** Reads `/config.json` once. @throws Error when it is missing or incomplete, which only a broken deployment causes. */
export async function loadConfig(): Promise<StageConfig> {
  const response = await within(fetch("/config.json", { cache: "no-cache" }));
  if (!response.ok) throw new Error(`config.json answered ${response.status}`);
  const candidate = (await response.json()) as Partial<StageConfig>;
  for (const key of ["stage", "apiBase", "region", "userPoolId", "userPoolClientId", "cognitoEndpoint"] as const) {
    if (!candidate[key]) throw new Error(`config.json has no ${key}`);
  }
  loaded = { mailbox: null, ...candidate } as StageConfig;
  return loaded;
}

export function config(): StageConfig {
  if (!loaded) throw new Error("config.json is not loaded yet");
  return loaded;
}
