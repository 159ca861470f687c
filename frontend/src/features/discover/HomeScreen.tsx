/** A member's day: what waits for them, what is soon, then the whole board. */
import { useQuery } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { PublishedBoard } from "../../api/board";
import { boardQuery, meQuery, turnQuery } from "../../api/queries";
import type { BoardCard } from "../../api/types";
import { recall } from "../../lib/storage";
import { t } from "../../lib/text";
import { ButtonLink } from "../../ui/Button";
import { Loading, ReadState } from "../../ui/feedback";
import { QuestTicket } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { TurnRow } from "../../ui/turns";
import { soon } from "./board";
import { OpenQuests } from "./OpenQuests";

/** The longest time that the board waits for the parts above it, so that the layout does not shift, in milliseconds. */
const MAX_WAIT_MS = 1_500;
/** The number of waiting quests that the day names; the others are a click away. */
const NAMED = 3;

function YourTurn() {
  const turn = useQuery(turnQuery());
  const items = turn.data?.items;
  return (
    <section class="stack" aria-labelledby="your-turn">
      <h2 id="your-turn">{t.mine.yourTurn}</h2>
      {turn.isPending && <Loading lines={1} />}
      <ReadState query={turn} />
      {items?.length === 0 && <p class="soft">{t.day.nothing}</p>}
      {items && items.length > 0 && (
        <ul class="turns">
          {items.slice(0, NAMED).map((quest) => (
            <TurnRow key={quest.questId} quest={quest} />
          ))}
        </ul>
      )}
      {items && items.length > NAMED && (
        <p class="row">
          <ButtonLink variant="quiet" href="/mine">
            {t.day.all({ count: items.length })}
          </ButtonLink>
        </p>
      )}
    </section>
  );
}

function Soon({ cards }: { cards: readonly BoardCard[] }) {
  if (cards.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="soon">
      <h2 id="soon">{t.day.soon}</h2>
      <div class="tickets">
        {cards.map((card) => (
          <QuestTicket key={card.questId} quest={card} />
        ))}
      </div>
    </section>
  );
}

export function HomeScreen() {
  const me = useQuery(meQuery());
  const board = useQuery(boardQuery());
  const turn = useQuery(turnQuery());
  const { url } = useLocation();
  const [waiting, setWaiting] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setWaiting(false), MAX_WAIT_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (recall("push")) {
      import("../../api/push").then(({ repairPush }) => repairPush()).catch(() => undefined);
    }
  }, []);
  const userId = me.data?.userId;
  const near = useQuery({
    queryKey: ["long-board", "soon", userId, board.data?.publishedAt],
    enabled: !!board.data?.index && !!userId,
    queryFn: async () => (await import("./longBoard")).soonOf(board.data as PublishedBoard, userId as string),
    placeholderData: (before) => before,
  });
  const settled = !waiting || (!turn.isPending && !me.isPending && !board.isPending && !near.isLoading);
  const unread = me.data?.unread ?? 0;
  return (
    <div class="stack loose">
      <div class="row apart">
        <ScreenTitle title={t.day.title} />
        {unread > 0 && <a href="/inbox">{t.day.news({ count: unread })}</a>}
      </div>
      <YourTurn />
      {settled && (
        <>
          {/* Whoever looks for something has no use for it. */}
          {!url.includes("?") && board.data && me.data && (
            <Soon cards={board.data.index ? (near.data ?? []) : soon(board.data.cards, me.data.userId, Date.now())} />
          )}
          <OpenQuests heading={<h2>{t.discover.title}</h2>} level={3} />
        </>
      )}
    </div>
  );
}
