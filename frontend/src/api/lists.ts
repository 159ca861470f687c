/** Reads of the screens that load later: lists of the member's own. */
import { type InfiniteData, infiniteQueryOptions } from "@tanstack/preact-query";
import { api, unwrap } from "./client";
import { withDeviceCopy } from "./copies";
import { AWAITED_REFRESH_MS, LIST_MS, OPEN_QUEST_REFRESH_MS } from "./queries";
import type { Category, InboxPage, Involvement, MyQuestPage, QuestPage } from "./types";

export interface QuestFilters {
  category?: Category | undefined;
  q?: string | undefined;
}

const given = (filters: QuestFilters) => ({
  ...(filters.category && { category: filters.category }),
  ...(filters.q && { q: filters.q }),
});

export function questsQuery(filters: QuestFilters) {
  const isBoard = Object.values(filters).every((value) => !value);
  return infiniteQueryOptions({
    queryKey: ["quests", given(filters)],
    queryFn: ({ pageParam }) =>
      unwrap(
        api().GET("/quests", { params: { query: { ...given(filters), ...(pageParam && { cursor: pageParam }) } } }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    ...(isBoard && withDeviceCopy<InfiniteData<QuestPage, string>>("list", "board")),
  });
}

export const myQuestsQuery = (role: Involvement) =>
  infiniteQueryOptions({
    queryKey: ["me", "quests", role],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/quests", { params: { query: { role, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: LIST_MS,
    ...withDeviceCopy<InfiniteData<MyQuestPage, string>>("mine", role),
  });

/** The member's notices, newest first. */
export const inboxQuery = () =>
  infiniteQueryOptions({
    queryKey: ["me", "inbox"],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/inbox", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: LIST_MS,
    ...withDeviceCopy<InfiniteData<InboxPage, string>>("inbox", "me"),
  });

const MESSAGES = {
  initialPageParam: "",
  getNextPageParam: (last: { nextCursor?: string | null }) => last.nextCursor ?? undefined,
};

const messagesAt = (questId: string, cursor: string) => ({
  params: { path: { questId }, query: cursor ? { cursor } : {} },
});

/** Public questions and answers, newest first; for visitors. While `live` it looks again by itself. */
export const messagesQuery = (questId: string, live: boolean) =>
  infiniteQueryOptions({
    queryKey: ["messages", questId],
    queryFn: ({ pageParam }) => unwrap(api().GET("/quests/{questId}/messages", messagesAt(questId, pageParam))),
    refetchInterval: live ? OPEN_QUEST_REFRESH_MS : false,
    ...MESSAGES,
  });

/** All messages that the member may read, newest first, and where they may write; live within seconds. */
export const myMessagesQuery = (questId: string, live: boolean) =>
  infiniteQueryOptions({
    queryKey: ["me", "messages", questId],
    queryFn: ({ pageParam }) => unwrap(api().GET("/me/quests/{questId}/messages", messagesAt(questId, pageParam))),
    refetchInterval: live ? AWAITED_REFRESH_MS : false,
    staleTime: 0,
    ...MESSAGES,
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
      state.data?.pages.some((page) => page.items.some((entry) => entry.state === "PENDING"))
        ? AWAITED_REFRESH_MS
        : false,
  });
