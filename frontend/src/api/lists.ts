/** Reads of the screens that load later: lists of the member's own. */
import { type InfiniteData, infiniteQueryOptions } from "@tanstack/preact-query";
import { api, unwrap } from "./client";
import { copied } from "./copies";
import { LIST_MS, WAITING_MS } from "./queries";
import type { InboxPage, MyQuestPage, Part } from "./types";

export const myQuestsQuery = (role: Part) =>
  infiniteQueryOptions({
    queryKey: ["me", "quests", role],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/quests", { params: { query: { role, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: LIST_MS,
    ...copied<InfiniteData<MyQuestPage, string>>("mine", role),
  });

/** What the member was told, newest first. */
export const inboxQuery = () =>
  infiniteQueryOptions({
    queryKey: ["me", "inbox"],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/inbox", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: LIST_MS,
    ...copied<InfiniteData<InboxPage, string>>("inbox", "me"),
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
