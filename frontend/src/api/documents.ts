/** Published documents: what the edge gives out without a Lambda, a few seconds behind the tables. */
import { within } from "../lib/within";
import { questPath } from "./limits.gen";
import type { QuestDocument } from "./types";

/** A quest's document, or undefined where there is none now: the API says why. */
export async function readQuestDocument(questId: string): Promise<QuestDocument | undefined> {
  const path = questPath.replace("{questId}", encodeURIComponent(questId));
  const response = await within(fetch(path, { cache: "no-cache" })).catch(() => undefined);
  const isJson = response?.headers.get("content-type")?.includes("json");
  return response?.ok && isJson ? ((await response.json().catch(() => undefined)) as QuestDocument) : undefined;
}
