/** Reports, blocks and what moderators decide: the calls of screens that load when they are opened. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/preact-query";
import { api, unwrap } from "./client";
import { meQuery, queryClient } from "./queries";
import type { DecisionDraft, Me, ReportReason, ReportSide, ReportSubject } from "./types";

/** The refresh interval of the moderators' queue while it is shown, in milliseconds. */
const QUEUE_MS = 30_000;

/** Messages of a quest that a case shows. */
const THREAD = 50;

export const makeReport = (subject: ReportSubject, reason: ReportReason, words: string, key: string) =>
  unwrap(api().POST("/reports", { body: { subject, reason, words }, params: { header: { "Idempotency-Key": key } } }));

export const myReportsQuery = (side: ReportSide) =>
  infiniteQueryOptions({
    queryKey: ["me", "reports", side],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/me/reports", { params: { query: { side, ...(pageParam && { cursor: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  });

export const objectToDecision = (reportId: string, reason: string) =>
  unwrap(api().POST("/me/reports/{reportId}/objection", { body: { reason }, params: { path: { reportId } } }));

export const queueQuery = () =>
  infiniteQueryOptions({
    queryKey: ["me", "moderation", "queue"],
    queryFn: ({ pageParam }) =>
      unwrap(api().GET("/moderation/reports", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    refetchInterval: QUEUE_MS,
  });

export const caseQuery = (reportId: string) =>
  queryOptions({
    queryKey: ["me", "moderation", "case", reportId],
    queryFn: () => unwrap(api().GET("/moderation/reports/{reportId}", { params: { path: { reportId } } })),
  });

/** The messages of a quest that a moderator may read: public ones, and those that were reported. */
export const threadQuery = (questId: string) =>
  queryOptions({
    queryKey: ["me", "moderation", "thread", questId],
    queryFn: () =>
      unwrap(api().GET("/me/quests/{questId}/messages", { params: { path: { questId }, query: { limit: THREAD } } })),
  });

export const decide = (reportId: string, body: DecisionDraft) =>
  unwrap(api().POST("/moderation/reports/{reportId}/decide", { body, params: { path: { reportId } } }));

async function kept(call: Promise<Me>): Promise<Me> {
  const me = await call;
  queryClient.setQueryData(meQuery().queryKey, me);
  return me;
}

const member = (userId: string) => ({ params: { path: { userId } } });

export const block = (userId: string) => kept(unwrap(api().PUT("/me/blocked/{userId}", member(userId))));
export const unblock = (userId: string) => kept(unwrap(api().DELETE("/me/blocked/{userId}", member(userId))));
