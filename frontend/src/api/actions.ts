/** Every write of the app: plain functions. */
import { noteUnpublishedChange, type PublishedBoard, withUnpublishedChanges } from "./board";
import { api, unwrap } from "./client";
import { boardQuery, meQuery, queryClient, userQuery } from "./queries";
import type { Audience, Export, Me, Outcome, ProfileEdit, QuestDraft, QuestEdit, QuestView } from "./types";

/** Notes this member's change to a quest on their board at once. */
async function noted(call: Promise<QuestView>): Promise<QuestView> {
  const view = await call;
  const requestor = queryClient.getQueryData(userQuery(view.requestorId).queryKey);
  const me = queryClient.getQueryData(meQuery().queryKey);
  const name = me?.userId === view.requestorId ? me.displayName : requestor?.displayName;
  noteUnpublishedChange(view, name ?? "");
  queryClient.setQueryData(
    boardQuery().queryKey,
    (board: PublishedBoard | undefined) =>
      board && { ...board, cards: withUnpublishedChanges(board.cards, { isWhole: !board.index }) },
  );
  queryClient.invalidateQueries({ queryKey: ["long-board"] });
  return view;
}

export const createQuest = (body: QuestDraft, key: string) =>
  noted(unwrap(api().POST("/quests", { body, params: { header: { "Idempotency-Key": key } } })));

export const editQuest = (questId: string, body: QuestEdit) =>
  noted(unwrap(api().PATCH("/quests/{questId}", { body, params: { path: { questId } } })));

const at = (questId: string) => ({ params: { path: { questId } } });

/** The member's actions on a quest; each answers with the quest as it then is. */
export const questActions = {
  cancel: (questId: string) => noted(unwrap(api().DELETE("/quests/{questId}", at(questId)))),
  /** `seen` is the version that the member looked at: what was edited since refuses the claim. */
  claim: (questId: string, seen: number) =>
    noted(
      unwrap(
        api().POST("/quests/{questId}/claim", { params: { path: { questId }, header: { "If-Match": `"${seen}"` } } }),
      ),
    ),
  release: (questId: string, reason: string) =>
    noted(unwrap(api().POST("/quests/{questId}/release", { ...at(questId), body: reason ? { reason } : {} }))),
  withdraw: (questId: string, reason: string) =>
    noted(unwrap(api().POST("/quests/{questId}/withdraw", { ...at(questId), body: { reason } }))),
  state: (questId: string, statement: string) =>
    noted(unwrap(api().POST("/quests/{questId}/state", { ...at(questId), body: { statement } }))),
  hide: (questId: string, reason: string) =>
    noted(unwrap(api().POST("/quests/{questId}/hide", { ...at(questId), body: { reason } }))),
  unhide: (questId: string) => noted(unwrap(api().POST("/quests/{questId}/unhide", at(questId)))),
  submit: (questId: string, submission: string) =>
    noted(unwrap(api().POST("/quests/{questId}/submit", { ...at(questId), body: { submission } }))),
  requestChanges: (questId: string, reason: string) =>
    noted(unwrap(api().POST("/quests/{questId}/request-changes", { ...at(questId), body: { reason } }))),
  attest: (questId: string, notes: string, thanks: boolean) =>
    noted(
      unwrap(
        api().POST("/quests/{questId}/attest", {
          ...at(questId),
          body: notes ? { notes, ...(thanks && { thanks }) } : {},
        }),
      ),
    ),
  dispute: (questId: string, reason: string) =>
    noted(unwrap(api().POST("/quests/{questId}/dispute", { ...at(questId), body: { reason } }))),
  resolve: (questId: string, outcome: Outcome, decision: string) =>
    noted(unwrap(api().POST("/quests/{questId}/resolve", { ...at(questId), body: { outcome, decision } }))),
};

export const sendMessage = (questId: string, body: { text: string; audience: Audience }, key: string) =>
  unwrap(
    api().POST("/quests/{questId}/messages", {
      body,
      params: { path: { questId }, header: { "Idempotency-Key": key } },
    }),
  );

/**
 * Marks the news of a quest as read that its screen shows: up to the first unread item that is about something else,
 * since reading goes by time.
 */
export async function readNewsOf(questId: string): Promise<void> {
  const { items, nextCursor } = await unwrap(api().GET("/me/inbox"));
  const unread = items.filter((item) => item.unread).reverse();
  // More is unread than this page has.
  if (nextCursor && unread.length === items.length) return;
  const other = unread.findIndex(({ quest }) => quest?.questId !== questId);
  const upTo = unread.slice(0, other === -1 ? undefined : other).at(-1);
  if (!upTo) return;
  const left = await readInbox(upTo.itemId);
  queryClient.setQueryData(meQuery().queryKey, (me: Me | undefined) => me && { ...me, ...left });
}

export const unsubscribe = (token: string) => unwrap(api().POST("/unsubscribe", { params: { query: { token } } }));
export const readInbox = (upTo: string) => unwrap(api().POST("/me/inbox/read", { body: { upTo } }));
export const editMe = (body: ProfileEdit) => unwrap(api().PATCH("/me", { body }));
export const deleteMe = () => unwrap(api().DELETE("/me"));
export const restoreMe = () => unwrap(api().POST("/me/restore"));

/** Every page of the export as one document. */
export async function exportMe(): Promise<Omit<Export, "nextCursor">> {
  const parts = ["quests", "ledger", "inbox", "messages", "reports", "devices"] as const;
  let page = await unwrap(api().GET("/me/export"));
  const whole: Export = { ...page };
  while (page.nextCursor) {
    page = await unwrap(api().GET("/me/export", { params: { query: { cursor: page.nextCursor } } }));
    for (const part of parts) Object.assign(whole, { [part]: [...(whole[part] ?? []), ...(page[part] ?? [])] });
  }
  delete whole.nextCursor;
  return whole;
}

/** The devices that show the member's notices; see push.ts. */
export const listDevices = () => unwrap(api().GET("/me/devices"));

export const addDevice = (body: { endpoint: string; publicKey: string; auth: string }) =>
  unwrap(api().POST("/me/devices", { body }));

export const removeDevice = (deviceId: string) =>
  unwrap(api().DELETE("/me/devices/{deviceId}", { params: { path: { deviceId } } }));
