import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { Note } from "../../ui/feedback";
import { happeningOf } from "../../ui/Happened";
import { useSession } from "../../ui/hooks";
import { CategoryMark, StatusPill, useProfile } from "../../ui/quests";
import { ReportButton } from "../../ui/ReportButton";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { ActionForm } from "./ActionForm";
import { isFormAction } from "./actions";
import { BackToBoard } from "./BackToBoard";
import { CalendarButton } from "./CalendarButton";
import { Celebration } from "./Celebration";
import { Facts } from "./Facts";
import { type Moved, MovedNote } from "./MovedNote";
import { QuestText } from "./QuestText";
import { type AnyQuest, wantedChanges } from "./quest";
import { RewardPanel } from "./RewardPanel";
import { SealPanel } from "./SealPanel";
import { ShareButton } from "./ShareButton";
import { Similar } from "./Similar";
import { Thread } from "./Thread";
import { eventsOf, Timeline } from "./Timeline";
import { TurnNote } from "./TurnNote";
import "../../ui/details.css";
import "./quest.css";

export function QuestDetails({ quest, view }: { quest: AnyQuest; view: QuestView | undefined }) {
  const { session } = useSession();
  const { query, route } = useLocation();
  const [moved, setMoved] = useState<Moved>();
  const names = {
    requestor: useProfile(quest.requestorId, quest.requestorName).name ?? "…",
    performer: useProfile(quest.performerId, quest.performerName).name ?? "…",
  };
  const place = useRef<HTMLDivElement>(null);
  const path = `/quests/${quest.questId}`;
  const asked = isFormAction(query.do) ? query.do : undefined;
  const open = asked && view?.allowedActions[asked]?.allowed ? asked : undefined;
  const changes = wantedChanges(quest);
  // Somebody else may act while the form is open: then it goes, and the member is told why.
  const shown = useRef<QuestView>();
  const acted = useRef(false);
  useEffect(() => {
    if (acted.current) acted.current = !!asked;
    else if (open) shown.current = view;
    else if (asked && view && shown.current && happeningOf(shown.current, view) && !moved) {
      setMoved({ action: asked, before: shown.current, changed: [] });
      close();
    }
    if (!asked) shown.current = undefined;
  });
  const close = () => {
    route(path, true);
    place.current?.focus();
  };
  const words = (
    <div class="quest-words stack loose" key="words">
      <QuestText quest={quest} names={names} thread={<Thread quest={quest} audience="private" />} />
      <Thread quest={quest} audience="public" />
    </div>
  );
  const side = (
    <div class="quest-side stack" ref={place} tabIndex={-1} key="side">
      {view?.role === "performer" && quest.status === "COMPLETE" && <Celebration quest={view} />}
      {view && <TurnNote view={view} />}
      {changes && (
        <Note variant="warm">
          <h2>{t.quest.changesTitle}</h2>
          <p class="plain-text">{changes.reason}</p>
        </Note>
      )}
      {moved && view && <MovedNote moved={moved} after={view} />}
      {open && view ? (
        <ActionForm
          key={open}
          quest={view}
          action={open}
          onClose={close}
          onActed={() => {
            shown.current = undefined;
            acted.current = true;
          }}
          onMoved={(before, changed) => {
            setMoved({ action: open, before, changed });
            close();
          }}
        />
      ) : (
        <RewardPanel
          quest={quest}
          view={view}
          onOpen={(action) => {
            setMoved(undefined);
            route(`${path}?do=${action}`);
          }}
        />
      )}
      <SealPanel quest={quest} names={names} />
    </div>
  );
  // Whoever is to decide about the quest, or judges what was handed in, reads it first, on a phone as well.
  const readsFirst = (quest.status === "OPEN" && !open) || (!!quest.submissionHtml && view?.role !== "performer");
  return (
    <article class="quest">
      <header class="stack tight">
        <BackToBoard />
        <div class="row">
          <CategoryMark category={quest.category} />
          <StatusPill status={quest.status} />
        </div>
        <ScreenTitle title={quest.title} />
        <Facts quest={quest} viewerId={session?.userId} />
        <div class="row">
          <ShareButton questId={quest.questId} title={quest.title} />
          {quest.when && <CalendarButton quest={quest} when={quest.when} />}
          <ReportButton subject={{ kind: "quest", questId: quest.questId }} ownerId={quest.requestorId} />
        </div>
      </header>
      {readsFirst ? [words, side] : [side, words]}
      <div class="quest-rest stack loose">
        {moved && !view?.role && <Similar quest={quest} />}
        <section class="stack tight" aria-labelledby="timeline">
          <h2 id="timeline">{t.quest.timeline}</h2>
          <Timeline events={eventsOf(quest, (role) => names[role])} />
        </section>
      </div>
    </article>
  );
}
