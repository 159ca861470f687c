import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery, useQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { myQuestsQuery } from "../../api/lists";
import { turnQuery } from "../../api/queries";
import type { Involvement, MyQuestCard, MyQuestPage } from "../../api/types";
import { t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { Empty, Loading, ReadState } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { QuestTicket } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { needOf, Until } from "../../ui/turns";

function Ticket({ quest, part }: { quest: MyQuestCard; part: Involvement }) {
  const ended = part === "performer" && quest.role !== "performer" ? quest.former : undefined;
  return (
    <QuestTicket
      quest={quest}
      need={
        <>
          <span class="need">{needOf(quest, part)}</span>
          {!ended && <Until turn={quest.turn} />}
          {ended?.reason && (
            <q class="plain-text" dir="auto">
              {ended.reason}
            </q>
          )}
        </>
      }
    />
  );
}

function Tickets({ quests, partOf }: { quests: readonly MyQuestCard[]; partOf: (quest: MyQuestCard) => Involvement }) {
  return (
    <div class="tickets">
      {quests.map((quest) => (
        <Ticket key={quest.questId} quest={quest} part={partOf(quest)} />
      ))}
    </div>
  );
}

type Listed = UseInfiniteQueryResult<InfiniteData<MyQuestPage>>;

/** The member's quests in one part, past and present, newest first, without what waits for them: that stands above. */
function QuestsAs({
  part,
  query,
  above,
  children,
}: {
  part: Involvement;
  query: Listed;
  above: ReadonlySet<string>;
  children: ComponentChildren;
}) {
  if (!query.data) return null;
  const all = query.data.pages.flatMap((page) => page.items);
  const quests = all.filter(({ questId }) => !above.has(questId));
  return (
    <section class="stack" aria-labelledby={part}>
      <h2 id={part}>{t.mine.part[part]}</h2>
      {all.length === 0 && !query.hasNextPage && children}
      {all.length > 0 && quests.length === 0 && !query.hasNextPage && <p class="soft">{t.mine.nothingElse}</p>}
      {quests.length > 0 && <Tickets quests={quests} partOf={() => part} />}
      {query.hasNextPage && (
        <p class="row">
          <Button variant="quiet" busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            {t.common.more}
          </Button>
        </p>
      )}
    </section>
  );
}

export function MineScreen() {
  const moderates = useSession().session?.groups.includes("moderators") ?? false;
  const turn = useQuery(turnQuery());
  const doing = useInfiniteQuery(myQuestsQuery("performer"));
  const asked = useInfiniteQuery(myQuestsQuery("requestor"));
  const disputes = useInfiniteQuery({ ...myQuestsQuery("moderator"), enabled: moderates });
  const judged = useInfiniteQuery({ ...myQuestsQuery("judge"), enabled: moderates });
  const queries = [turn, doing, asked, ...(moderates ? [disputes, judged] : [])];
  const waiting = turn.data?.items;
  const above = new Set(waiting?.map(({ questId }) => questId));
  // Not one list before those above it: the layout does not shift.
  const pending = queries.some(({ isPending }) => isPending);
  // A list that is missing says so before one that is only old.
  const failed = queries.filter(({ error }) => error);
  const shown = failed.find(({ data }) => !data) ?? failed[0] ?? turn;
  return (
    <div class="stack loose">
      <ScreenTitle title={t.mine.title} />
      {pending && <Loading />}
      <ReadState query={{ ...shown, refetch: () => queries.forEach((query) => void query.refetch()) }} />
      {!pending && (
        <>
          {waiting && (
            <section class="stack" aria-labelledby="your-turn">
              <h2 id="your-turn">{t.mine.yourTurn}</h2>
              {waiting.length === 0 && <p class="soft">{t.day.nothing}</p>}
              {waiting.length > 0 && <Tickets quests={waiting} partOf={({ role }) => role ?? "moderator"} />}
            </section>
          )}
          {moderates && (
            <QuestsAs part="moderator" query={disputes} above={above}>
              <p class="soft">{t.mine.noDisputes}</p>
            </QuestsAs>
          )}
          <QuestsAs part="performer" query={doing} above={above}>
            <Empty title={t.mine.emptyDoing}>
              <ButtonLink href="/">{t.nav.discover}</ButtonLink>
            </Empty>
          </QuestsAs>
          <QuestsAs part="requestor" query={asked} above={above}>
            <Empty title={t.mine.emptyAsked}>
              <ButtonLink href="/quests/new">{t.nav.create}</ButtonLink>
            </Empty>
          </QuestsAs>
          {moderates && (
            <QuestsAs part="judge" query={judged} above={above}>
              <p class="soft">{t.mine.noneJudged}</p>
            </QuestsAs>
          )}
        </>
      )}
    </div>
  );
}
