import { useQuery } from "@tanstack/preact-query";
import { useEffect, useRef } from "preact/hooks";
import { useRoute } from "preact-iso";
import { readNewsOf } from "../../api/actions";
import { ApiError } from "../../api/problem";
import { meQuery, myQuestQuery, questQuery } from "../../api/queries";
import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { Loading, ReadState } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { NotFoundScreen } from "../../ui/NotFoundScreen";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { BackToBoard } from "./BackToBoard";
import { QuestDetails } from "./QuestDetails";
import type { AnyQuest } from "./quest";

interface QuestQuery {
  data: AnyQuest | undefined;
  dataUpdatedAt: number;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** The quest, or why it is not there. */
function QuestOrFailure({ query, view }: { query: QuestQuery; view?: QuestView | undefined }) {
  const { data, error, isPending } = query;
  if (error instanceof ApiError && error.status === 404) return <NotFoundScreen />;
  return (
    <div class="stack">
      {!data && <BackToBoard />}
      {isPending && <Loading lines={1} />}
      {!data && !!error && <ScreenTitle title={t.quest.title} />}
      <ReadState query={query} />
      {data && <QuestDetails quest={data} view={view} />}
    </div>
  );
}

function MemberQuest({ questId }: { questId: string }) {
  const query = useQuery(myQuestQuery(questId));
  const unread = useQuery(meQuery()).data?.unread ?? 0;
  const shown = !!query.data;
  useEffect(() => {
    // Whoever sees the quest has its news; if that cannot be noted, they stay marked as new.
    if (shown && unread > 0) readNewsOf(questId).catch(() => undefined);
  }, [questId, shown, unread]);
  return <QuestOrFailure query={query} view={query.data} />;
}

function PublicQuest({ questId }: { questId: string }) {
  return <QuestOrFailure query={useQuery(questQuery(questId))} />;
}

export function QuestScreen() {
  const { params } = useRoute();
  const { session, expired } = useSession();
  // A session that ends in mid-form must not take the form away with it.
  const signed = useRef(!!session);
  useEffect(() => {
    signed.current = !!session || (signed.current && expired);
  }, [session, expired]);
  const questId = params.questId ?? "";
  return session || (expired && signed.current) ? (
    <MemberQuest key={questId} questId={questId} />
  ) : (
    <PublicQuest key={questId} questId={questId} />
  );
}
