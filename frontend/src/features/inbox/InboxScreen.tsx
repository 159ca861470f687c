import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useRef } from "preact/hooks";
import { readInbox } from "../../api/actions";
import { inboxDays } from "../../api/limits.gen";
import { inboxQuery } from "../../api/lists";
import { meQuery } from "../../api/queries";
import type { InboxItem, Me } from "../../api/types";
import { isolated, t } from "../../lib/text";
import { Empty } from "../../ui/feedback";
import { List } from "../../ui/List";
import { Time } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import "./inbox.css";

/** The screen that an item leads to; what concerns the account and no quest is told there. */
const placeOf = ({ kind, quest }: InboxItem): string => {
  if (kind === "moderation") return "/moderation";
  return quest ? `/quests/${quest.questId}` : "/me";
};

function lineOf({ kind, quest, actor, amounts }: InboxItem): string {
  // Each line names some of these.
  const line = t.notices.lines[kind] as string | ((values: Record<string, string | number>) => string);
  if (typeof line === "string") return line;
  return line({
    title: isolated(quest?.title ?? "…"),
    actor: isolated(actor?.displayName ?? t.notices.formerMember),
    ...amounts,
  });
}

export function InboxScreen() {
  const client = useQueryClient();
  const inbox = useInfiniteQuery(inboxQuery());
  const read = useMutation({
    mutationFn: readInbox,
    onSuccess: ({ unread }) => client.setQueryData(meQuery().queryKey, (me: Me | undefined) => me && { ...me, unread }),
  });
  // What was new when the screen was opened stays marked while it is looked at.
  const fresh = useRef(new Set<string>());
  const items = inbox.data?.pages.flatMap((page) => page.items) ?? [];
  for (const { itemId, unread } of items) if (unread) fresh.current.add(itemId);
  const newest = items[0];
  useEffect(() => {
    if (newest?.unread) read.mutate(newest.itemId);
  }, [newest?.itemId, newest?.unread]);
  return (
    <div class="stack inbox">
      <ScreenTitle title={t.inbox.title} />
      <List
        query={inbox}
        empty={
          <Empty title={t.inbox.emptyTitle}>
            <p>{t.inbox.empty}</p>
          </Empty>
        }
      >
        {(shown) => (
          <ol class="news">
            {shown.map((item) => (
              <li key={item.itemId} class={fresh.current.has(item.itemId) ? "fresh" : undefined}>
                <a class="cover" href={placeOf(item)} dir="auto">
                  {lineOf(item)}
                </a>
                <span class="small soft row">
                  {fresh.current.has(item.itemId) && <span class="pill">{t.inbox.fresh}</span>}
                  <Time at={item.at} />
                </span>
              </li>
            ))}
          </ol>
        )}
      </List>
      {items.length > 0 && <p class="small soft">{t.inbox.kept({ count: inboxDays })}</p>}
    </div>
  );
}
