/** The reads of the first screen and of a quest, and what all reads share. Others load with their screens: lists.ts. */
import { QueryCache, QueryClient, queryOptions } from "@tanstack/preact-query";
import { within } from "../lib/within";
import { readBoard } from "./board";
import { api, unwrap } from "./client";
import { keepCopy, withDeviceCopy } from "./copies";
import { readQuestDocument } from "./documents";
import { ApiError } from "./problem";
import { onServiceChange, reportService, type ServiceState, serviceState } from "./service";
import { sessionState, subscribe } from "./session";
import type { Health, Me, MyTurn, Profile, Quest, QuestDocument, QuestStatus, QuestView } from "./types";

/** The refresh interval of a quest that waits for the other party, in milliseconds. */
export const AWAITED_REFRESH_MS = 3_000;
/** The refresh interval of the service's state: an open breaker shows within 30 s. */
const HEALTH_MS = 25_000;
/** The same while the service is not up: the banner disappears soon after recovery. */
const RECOVERY_MS = 5_000;

/** The refresh interval of a quest on the screen that is not final, in milliseconds. A hidden tab does not look. */
export const OPEN_QUEST_REFRESH_MS = 8_000;
/** The refresh interval of a board that is shown, in milliseconds. */
const BOARD_MS = 15_000;
/** The same for the member's lists, what waits for them, and how much they have not read. */
export const LIST_MS = 15_000;

const isBreaker = (error: unknown): boolean => error instanceof ApiError && error.code === "breaker_open";

/** The stage has no such document, or not yet: a retry would not help. */
const isMissing = (error: unknown): boolean => error instanceof ApiError && error.code === "no_document";

/** False after a timeout, and while the device is offline: a retry would not help. */
const worthRetrying = (error: unknown): boolean =>
  error instanceof ApiError &&
  error.transient &&
  error.code !== "timeout" &&
  !isBreaker(error) &&
  navigator.onLine !== false;

/** A copy of this device (`copies.ts`) is shown and refetched at once; an answer stays fresh for a while. */
const freshFor =
  (milliseconds: number) =>
  ({ state }: { state: { dataUpdateCount: number } }) =>
    state.dataUpdateCount === 0 ? 0 : milliseconds;

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    // Reads are refused only when nothing is open.
    onError: (error) => isBreaker(error) && reportService("closed"),
  }),
  defaultOptions: {
    // "always": without a network, a read or a write fails at once; no write is queued and sent later.
    queries: {
      networkMode: "always",
      staleTime: freshFor(10_000),
      retry: (failures, error) => failures < 2 && worthRetrying(error),
    },
    mutations: { networkMode: "always" },
  },
});

// Failed queries are retried, so that no error outlives its cause.
onServiceChange(() => {
  if (serviceState() !== "up") return;
  queryClient.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });
});

window.addEventListener("online", () => queryClient.invalidateQueries({ queryKey: ["health"] }));

// What was read of a member goes with them.
let { generation } = sessionState();
subscribe(() => {
  if (generation === sessionState().generation) return;
  generation = sessionState().generation;
  queryClient.removeQueries({ queryKey: ["me"] });
});

queryClient.getQueryCache().subscribe(({ type, query }) => {
  const copy = query.meta?.copy as { kind: string; id: string } | undefined;
  if (type === "updated" && copy && query.state.status === "success") keepCopy(copy.kind, copy.id, query.state.data);
});

const FINAL: readonly (QuestStatus | undefined)[] = ["COMPLETE", "CANCELLED", "EXPIRED"];
const isFinal = (status: QuestStatus | undefined): boolean => FINAL.includes(status);

/** The published board. It is looked at again while it is shown; the answer is mostly "not modified". */
export const boardQuery = () =>
  queryOptions({
    queryKey: ["board"],
    queryFn: readBoard,
    refetchInterval: BOARD_MS,
    retry: (failures, error) => !isMissing(error) && failures < 2 && worthRetrying(error),
  });

/** The public view, the same for everybody: the published document, or where there is none the API's answer. */
export const questQuery = (questId: string) =>
  queryOptions({
    queryKey: ["quest", questId],
    queryFn: async (): Promise<Quest & Partial<QuestDocument>> =>
      (await readQuestDocument(questId)) ?? unwrap(api().GET("/quests/{questId}", { params: { path: { questId } } })),
    refetchInterval: ({ state }) => (isFinal(state.data?.status) ? false : OPEN_QUEST_REFRESH_MS),
    ...withDeviceCopy<Quest & Partial<QuestDocument>>("quest", questId),
  });

/** The signed-in member's view, with `allowedActions`. It looks again by itself until the quest's end. */
export const myQuestQuery = (questId: string) =>
  queryOptions({
    queryKey: ["me", "quest", questId],
    queryFn: () => unwrap(api().GET("/me/quests/{questId}", { params: { path: { questId } } })),
    refetchInterval: ({ state }) => {
      if (isFinal(state.data?.status)) return false;
      return state.data && ["SUBMITTED", "DISPUTED"].includes(state.data.status)
        ? AWAITED_REFRESH_MS
        : OPEN_QUEST_REFRESH_MS;
    },
    ...withDeviceCopy<QuestView>("own-quest", questId),
  });

export const meQuery = () =>
  queryOptions({
    queryKey: ["me", "profile"],
    queryFn: () => unwrap(api().GET("/me")),
    refetchInterval: LIST_MS,
    ...withDeviceCopy<Me>("profile", "me"),
  });

/** Every quest that waits for the member, the most urgent first. */
export const turnQuery = () =>
  queryOptions({
    queryKey: ["me", "turn"],
    queryFn: () => unwrap(api().GET("/me/turn")),
    refetchInterval: LIST_MS,
    ...withDeviceCopy<MyTurn>("turn", "me"),
  });

export const userQuery = (userId: string) =>
  queryOptions({
    queryKey: ["user", userId],
    staleTime: freshFor(5 * 60_000),
    queryFn: () => unwrap(api().GET("/users/{userId}", { params: { path: { userId } } })),
    ...withDeviceCopy<Profile>("person", userId),
  });

export const statsQuery = () =>
  queryOptions({ queryKey: ["stats"], staleTime: 5 * 60_000, queryFn: () => unwrap(api().GET("/stats")) });

const BREAKER: Record<Health["breaker"], ServiceState> = { closed: "up", "read-only": "paused", down: "closed" };

/** Asks the health route, which answers even while the breaker is open, and tells the banner. */
export const healthQuery = () =>
  queryOptions({
    queryKey: ["health"],
    refetchInterval: () => (serviceState() === "up" ? HEALTH_MS : RECOVERY_MS),
    retry: false,
    queryFn: async () => {
      const askedAt = Date.now();
      const response = await within(fetch("/api/health")).catch(() => undefined);
      const health = response?.ok ? ((await response.json()) as Health) : undefined;
      reportService(health ? BREAKER[health.breaker] : "unreachable", askedAt);
      return health ?? null;
    },
  });
