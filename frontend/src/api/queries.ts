/** Every read and write of the page: query options for reads, plain functions for writes. */
import { infiniteQueryOptions, QueryCache, QueryClient, queryOptions } from "@tanstack/preact-query";
import { recall, remember } from "../lib/storage";
import { api, unwrap } from "./client";
import { ApiError } from "./problem";
import { onServiceChange, reportService, type ServiceState, serviceState } from "./service";
import type { Category, Health, Outcome, Part, ProfileEdit, QuestDraft, QuestEdit } from "./types";

/** How often a page that waits for the other party looks again, in milliseconds. */
const WAITING_MS = 3_000;
/** How often an open page asks how the service is doing: a breaker shows within 30 s. */
const HEALTH_MS = 25_000;
/** The same while it is not up: the banner goes soon after the trouble. */
const RECOVERY_MS = 5_000;

const isBreaker = (error: unknown): boolean => error instanceof ApiError && error.code === "breaker_open";

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    // Reads are refused only when nothing is open.
    onError: (error) => isBreaker(error) && reportService("closed"),
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.transient && !isBreaker(error),
    },
  },
});

// What failed meanwhile is asked again, so that no error outlives its cause.
onServiceChange(() => {
  if (serviceState() !== "up") return;
  queryClient.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });
});

export interface QuestFilters {
  category?: Category | undefined;
  q?: string | undefined;
}

/** Keeps the last good answer under `key`, and starts from it after a reload: the list stays readable offline. */
function kept<T>(key: string) {
  return {
    keep: (data: T): T => {
      remember(`cache.${key}`, { data, at: Date.now() });
      return data;
    },
    stored: () => recall<{ data: T; at: number }>(`cache.${key}`),
  };
}

const given = (filters: QuestFilters) => ({
  ...(filters.category && { category: filters.category }),
  ...(filters.q && { q: filters.q }),
});

export function questsQuery(filters: QuestFilters) {
  const read = (cursor: string) =>
    unwrap(api().GET("/quests", { params: { query: { ...given(filters), ...(cursor && { cursor }) } } }));
  const isBoard = Object.values(filters).every((value) => !value);
  const board = kept<Awaited<ReturnType<typeof read>>>("board");
  const stored = isBoard ? board.stored() : undefined;
  return infiniteQueryOptions({
    queryKey: ["quests", given(filters)],
    queryFn: async ({ pageParam }) => {
      const page = await read(pageParam);
      return isBoard && !pageParam ? board.keep(page) : page;
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    ...(stored && { initialData: { pages: [stored.data], pageParams: [""] }, initialDataUpdatedAt: stored.at }),
  });
}

/** The public view: the same for everybody. */
export const questQuery = (questId: string) =>
  queryOptions({
    queryKey: ["quest", questId],
    queryFn: () => unwrap(api().GET("/quests/{questId}", { params: { path: { questId } } })),
  });

/** The signed-in member's view, with `allowedActions`. It looks again by itself while the other party is to act. */
export const myQuestQuery = (questId: string) =>
  queryOptions({
    queryKey: ["me", "quest", questId],
    queryFn: () => unwrap(api().GET("/me/quests/{questId}", { params: { path: { questId } } })),
    refetchInterval: ({ state }) =>
      state.data && ["SUBMITTED", "DISPUTED"].includes(state.data.status) ? WAITING_MS : false,
  });

export const meQuery = () => queryOptions({ queryKey: ["me", "profile"], queryFn: () => unwrap(api().GET("/me")) });

export const myQuestsQuery = (role: Part) =>
  infiniteQueryOptions({
    queryKey: ["me", "quests", role],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/quests", { params: { query: { role, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  });

export const ledgerQuery = () =>
  infiniteQueryOptions({
    queryKey: ["me", "ledger"],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/ledger", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    // A reward is paid a moment after the quest is complete.
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some((entry) => entry.state === "PENDING")) ? WAITING_MS : false,
  });

export const userQuery = (userId: string) =>
  queryOptions({
    queryKey: ["user", userId],
    staleTime: 5 * 60_000,
    queryFn: () => unwrap(api().GET("/users/{userId}", { params: { path: { userId } } })),
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
      const response = await fetch("/api/health").catch(() => undefined);
      const health = response?.ok ? ((await response.json()) as Health) : undefined;
      reportService(health ? BREAKER[health.breaker] : "unreachable", askedAt);
      return health ?? null;
    },
  });

export const createQuest = (body: QuestDraft, key: string) =>
  unwrap(api().POST("/quests", { body, params: { header: { "Idempotency-Key": key } } }));

export const editQuest = (questId: string, body: QuestEdit) =>
  unwrap(api().PATCH("/quests/{questId}", { body, params: { path: { questId } } }));

/** What a member can do with a quest; each answers with the quest as it then is. */
export const questActions = {
  cancel: (questId: string) => unwrap(api().DELETE("/quests/{questId}", { params: { path: { questId } } })),
  claim: (questId: string) => unwrap(api().POST("/quests/{questId}/claim", { params: { path: { questId } } })),
  release: (questId: string) => unwrap(api().POST("/quests/{questId}/release", { params: { path: { questId } } })),
  submit: (questId: string, submission: string) =>
    unwrap(api().POST("/quests/{questId}/submit", { params: { path: { questId } }, body: { submission } })),
  requestChanges: (questId: string, reason: string) =>
    unwrap(api().POST("/quests/{questId}/request-changes", { params: { path: { questId } }, body: { reason } })),
  attest: (questId: string, notes: string) =>
    unwrap(api().POST("/quests/{questId}/attest", { params: { path: { questId } }, body: notes ? { notes } : {} })),
  dispute: (questId: string, reason: string) =>
    unwrap(api().POST("/quests/{questId}/dispute", { params: { path: { questId } }, body: { reason } })),
  resolve: (questId: string, outcome: Outcome, decision: string) =>
    unwrap(api().POST("/quests/{questId}/resolve", { params: { path: { questId } }, body: { outcome, decision } })),
};

export const editMe = (body: ProfileEdit) => unwrap(api().PATCH("/me", { body }));
export const exportMe = () => unwrap(api().GET("/me/export"));
export const deleteMe = () => unwrap(api().DELETE("/me"));
export const restoreMe = () => unwrap(api().POST("/me/restore"));
