import { useInfiniteQuery } from "@tanstack/preact-query";
import { myQuestsQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { Empty, Loading, ReadState } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { QuestTicket } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { type Group, needOf } from "./need";

const GROUPS: readonly Group[] = ["yourTurn", "waiting", "finished"];

export function MineScreen() {
  const asked = useInfiniteQuery(myQuestsQuery("requestor"));
  const doing = useInfiniteQuery(myQuestsQuery("performer"));
  const moderates = useSession().session?.groups.includes("moderators") ?? false;
  const disputes = useInfiniteQuery({ ...myQuestsQuery("moderator"), enabled: moderates });
  const lists = [
    ...(moderates ? [{ role: "moderator" as const, query: disputes }] : []),
    { role: "performer" as const, query: doing },
    { role: "requestor" as const, query: asked },
  ];
  const quests = lists.flatMap(({ role, query }) =>
    (query.data?.pages ?? [])
      .flatMap((page) => page.items)
      .map((quest) => ({ quest, role, need: needOf(quest, role) })),
  );
  const pending = lists.some(({ query }) => query.isPending);
  const shown = (lists.find(({ query }) => query.error) ?? lists[lists.length - 1])?.query ?? asked;
  return (
    <div class="stack loose">
      <ScreenTitle title={t.mine.title} />
      {pending && <Loading />}
      <ReadState query={{ ...shown, refetch: () => lists.forEach(({ query }) => void query.refetch()) }} />
      {!pending && !shown.error && quests.length === 0 && (
        <Empty title={t.mine.emptyTitle}>
          <p>{t.mine.empty}</p>
          <div class="row">
            <ButtonLink href="/">{t.nav.discover}</ButtonLink>
            <ButtonLink variant="quiet" href="/quests/new">
              {t.nav.create}
            </ButtonLink>
          </div>
        </Empty>
      )}
      {!pending &&
        GROUPS.map((group) => {
          const members = quests.filter(({ need }) => need.group === group);
          return (
            members.length > 0 && (
              <section class="stack" key={group} aria-labelledby={group}>
                <h2 id={group}>{t.mine[group]}</h2>
                <div class="tickets">
                  {members.map(({ quest, role, need }) => (
                    <QuestTicket
                      key={quest.questId}
                      quest={quest}
                      need={
                        <>
                          <span class="part">{t.mine.part[role]}</span> {need.text}
                        </>
                      }
                    />
                  ))}
                </div>
              </section>
            )
          );
        })}
      {lists.map(
        ({ role, query }) =>
          query.hasNextPage && (
            <p key={role}>
              <Button variant="quiet" busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
                {t.common.more}
              </Button>
            </p>
          ),
      )}
    </div>
  );
}
