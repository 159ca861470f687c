import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { ApiError } from "../../api/problem";
import { myQuestQuery, questQuery, questsQuery, userQuery } from "../../api/queries";
import type { Quest, QuestView, Role } from "../../api/types";
import { ownPath, withNext } from "../../lib/ids";
import { recall } from "../../lib/storage";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { Button, ButtonLink } from "../../ui/Button";
import { Failure, Loading, Note } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { Icon, Seal } from "../../ui/icons";
import { NotFoundPage } from "../../ui/NotFoundPage";
import { PageTitle } from "../../ui/PageTitle";
import { CategoryMark, decidedByModerator, Person, Prose, QuestTicket, StatusPill } from "../../ui/quests";
import { ActionForm } from "./ActionForm";
import { type FormAction, isFormAction, OFFERS, ORDER } from "./actions";
import { Celebration } from "./Celebration";
import { eventsOf, Timeline } from "./Timeline";
import "./quest.css";

/** The changes that the performer is to make now. */
const wantedChanges = (quest: AnyQuest) => (quest.status === "CLAIMED" ? quest.changeRequests?.at(-1) : undefined);

/** What both views of a quest have, and what only a signed-in viewer's has. */
type AnyQuest = Quest & Partial<QuestView>;

function useName(userId: string | null | undefined): string {
  const { data } = useQuery({ ...userQuery(userId ?? ""), enabled: !!userId });
  return data?.displayName ?? "…";
}

function SealPanel({ quest, names }: { quest: AnyQuest; names: Record<Role, string> }) {
  const given = quest.attestedBy ?? [];
  const { seal } = t.quest;
  const moderation = quest.status === "DISPUTED" ? seal.disputed : decidedByModerator(quest) ? seal.decided : undefined;
  if (!["SUBMITTED", "DISPUTED", "COMPLETE"].includes(quest.status)) return null;
  return (
    <section class="panel seal-panel" aria-labelledby="seal-title">
      <Seal requestor={given.includes("requestor")} performer={given.includes("performer")} />
      <div>
        <h2 id="seal-title" class="visually-hidden">
          {seal.title}
        </h2>
        {given.length === 2 ? (
          <p>{seal.complete}</p>
        ) : (
          (["requestor", "performer"] as const).map((role) =>
            given.includes(role) ? (
              <p key={role}>{seal.confirmed(names[role])}</p>
            ) : (
              !moderation && (
                <p key={role} class="soft">
                  {seal.waiting(names[role])}
                </p>
              )
            ),
          )
        )}
        {moderation && <p>{moderation}</p>}
      </div>
    </section>
  );
}

function Actions({ quest, onOpen }: { quest: QuestView; onOpen: (action: FormAction) => void }) {
  const verdicts = ORDER.map((action) => ({ action, ...quest.allowedActions[action] }));
  const allowed = verdicts.filter((verdict) => verdict.allowed);
  const denied = verdicts.filter((verdict) => !verdict.allowed);
  // After one's word, what is left are second thoughts.
  const attested = quest.allowedActions.attest?.code === "already_attested";
  return (
    <section class="stack" aria-label={t.quest.actions}>
      {allowed.length === 0 ? (
        <p class="soft">{t.quest.nothing}</p>
      ) : (
        <div class="actions">
          {allowed.map(({ action }) =>
            action === "edit" ? (
              <ButtonLink key={action} look="quiet" href={`/quests/${quest.questId}/edit`}>
                {t.action.edit.name}
              </ButtonLink>
            ) : (
              <Button key={action} look={attested ? "plain" : OFFERS[action].look} onClick={() => onOpen(action)}>
                {t.action[action].name}
              </Button>
            ),
          )}
        </div>
      )}
      <details class="small">
        <summary>{t.quest.denied}</summary>
        <dl class="denied">
          {denied.map(({ action, code }) => (
            <div key={action}>
              <dt>{t.action[action].name}</dt>
              <dd class="soft">{(code && t.denial[code]) ?? t.errors.notAllowed}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}

function Similar({ quest }: { quest: Quest }) {
  const { data } = useInfiniteQuery(questsQuery({ category: quest.category }));
  const found = data?.pages[0]?.items.filter(({ questId }) => questId !== quest.questId).slice(0, 3) ?? [];
  if (found.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="similar">
      <h2 id="similar">{t.quest.similar}</h2>
      <div class="tickets">
        {found.map((other) => (
          <QuestTicket key={other.questId} quest={other} />
        ))}
      </div>
    </section>
  );
}

function Facts({ quest, viewerId }: { quest: AnyQuest; viewerId: string | undefined }) {
  const deadline = quest.status === "CLAIMED" && quest.claimDeadline;
  return (
    <dl class="facts">
      <div>
        <dt>{t.quest.by}</dt>
        <dd>
          <Person userId={quest.requestorId} you={quest.requestorId === viewerId} />
        </dd>
      </div>
      {quest.performerId && (
        <div>
          <dt>{t.quest.performer}</dt>
          <dd>
            <Person userId={quest.performerId} you={quest.performerId === viewerId} />
          </dd>
        </div>
      )}
      {quest.area && (
        <div>
          <dt>{t.quest.area}</dt>
          <dd dir="auto">{quest.area}</dd>
        </div>
      )}
      {quest.status === "OPEN" && (
        <div>
          <dt>{t.quest.openUntil}</dt>
          <dd>{fullDay(quest.expiresAt)}</dd>
        </div>
      )}
      {deadline && (
        <div>
          <dt>{t.quest.deadline}</dt>
          <dd>{fullDay(deadline)}</dd>
        </div>
      )}
    </dl>
  );
}

function Words({ quest, names }: { quest: AnyQuest; names: Record<Role, string> }) {
  const { dispute } = quest;
  const wanted = wantedChanges(quest);
  const notes = (quest.attestations ?? []).filter((attestation) => attestation.notes);
  return (
    <>
      <div class={quest.submissionHtml ? "beside" : "stack"}>
        <section class="stack tight" aria-labelledby="description">
          <h2 id="description">{t.quest.description}</h2>
          <Prose html={quest.descriptionHtml} />
          {(quest.tags ?? []).length > 0 && (
            <p class="row">
              {quest.tags?.map((tag) => (
                <span class="pill" key={tag} dir="auto">
                  {tag}
                </span>
              ))}
            </p>
          )}
        </section>
        {quest.submissionHtml && (
          <section class="stack tight handed-in" aria-labelledby="submission">
            <h2 id="submission">{t.quest.submission}</h2>
            <Prose html={quest.submissionHtml} />
          </section>
        )}
      </div>
      {(quest.changeRequests ?? []).map(
        (request) =>
          request !== wanted && (
            <section class="stack tight quoted" key={request.requestedAt}>
              <h2>{t.quest.changesTitle}</h2>
              <p class="plain-text">{request.reason}</p>
            </section>
          ),
      )}
      {notes.map((attestation) => (
        <section class="stack tight quoted" key={attestation.role}>
          <h2>{t.quest.notes(names[attestation.role])}</h2>
          <p class="plain-text">{attestation.notes}</p>
        </section>
      ))}
      {dispute && (
        <section class="stack tight quoted" aria-labelledby="dispute">
          <h2 id="dispute">{t.quest.disputeTitle}</h2>
          <h3>{t.quest.disputeReason}</h3>
          <p class="plain-text">{dispute.reason}</p>
          {dispute.decision && dispute.outcome && (
            <>
              <h3>{t.quest.decision}</h3>
              <p>{t.action.resolve.outcomes[dispute.outcome]}</p>
              <p class="plain-text">{dispute.decision}</p>
            </>
          )}
        </section>
      )}
    </>
  );
}

function Side({
  quest,
  view,
  onOpen,
}: {
  quest: AnyQuest;
  view: QuestView | undefined;
  onOpen: (action: FormAction) => void;
}) {
  return (
    <section class="panel stack" data-category={quest.category} aria-label={t.quest.reward}>
      <div class="reward">
        <div class="stub">
          <strong>{quest.rewardXp}</strong>
          <span>{t.card.xp}</span>
        </div>
        <p>
          <strong>{t.count.reputation(quest.rewardReputation)}</strong>
          <br />
          <span class="small soft">{t.quest.rewardPoints}</span>
        </p>
      </div>
      {view ? (
        <Actions quest={view} onOpen={onOpen} />
      ) : (
        quest.status === "OPEN" && (
          <ButtonLink href={withNext("/sign-in", `/quests/${quest.questId}?do=claim`)}>
            {t.action.claim.name}
          </ButtonLink>
        )
      )}
    </section>
  );
}

function Back() {
  return (
    <div class="row">
      <a href={ownPath(recall("board", "sessionStorage"))} class="back">
        <Icon name="back" /> {t.nav.discover}
      </a>
    </div>
  );
}

function QuestScreen({ quest, view }: { quest: AnyQuest; view: QuestView | undefined }) {
  const { session } = useSession();
  const { query, route } = useLocation();
  const [moved, setMoved] = useState<FormAction>();
  const names = { requestor: useName(quest.requestorId), performer: useName(quest.performerId) };
  const place = useRef<HTMLDivElement>(null);
  const path = `/quests/${quest.questId}`;
  const asked = isFormAction(query.do) ? query.do : undefined;
  const open = asked && view?.allowedActions[asked]?.allowed ? asked : undefined;
  const changes = wantedChanges(quest);
  const close = () => {
    route(path, true);
    place.current?.focus();
  };
  const words = (
    <div class="quest-words stack loose" key="words">
      <Words quest={quest} names={names} />
    </div>
  );
  const side = (
    <div class="quest-side stack" ref={place} tabIndex={-1} key="side">
      {view?.role === "performer" && quest.status === "COMPLETE" && <Celebration quest={view} />}
      {changes && (
        <Note look="warm">
          <h2>{t.quest.changesTitle}</h2>
          <p class="plain-text">{changes.reason}</p>
        </Note>
      )}
      {moved && (
        <div role="alert">
          <Note look="warm">{moved === "claim" ? t.quest.taken : t.quest.moved}</Note>
        </div>
      )}
      {open && view ? (
        <ActionForm
          key={open}
          quest={view}
          action={open}
          onClose={close}
          onMoved={() => {
            setMoved(open);
            close();
          }}
        />
      ) : (
        <Side
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
  // Whoever judges what was handed in reads it first, on a phone as well.
  const judges = !!quest.submissionHtml && view?.role !== "performer";
  return (
    <article class="quest">
      <header class="stack tight">
        <Back />
        <div class="row">
          <CategoryMark category={quest.category} />
          <StatusPill status={quest.status} />
        </div>
        <PageTitle title={quest.title} />
        <Facts quest={quest} viewerId={session?.userId} />
      </header>
      {judges ? [words, side] : [side, words]}
      <div class="quest-rest stack loose">
        {moved === "claim" && <Similar quest={quest} />}
        <section class="stack tight" aria-labelledby="timeline">
          <h2 id="timeline">{t.quest.timeline}</h2>
          <Timeline events={eventsOf(quest, (role) => names[role])} />
        </section>
      </div>
    </article>
  );
}

interface QuestQuery {
  data: AnyQuest | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** The quest, or why it is not there. */
function Found({ query, view }: { query: QuestQuery; view?: QuestView | undefined }) {
  const { data, error, isPending, refetch } = query;
  if (error instanceof ApiError && error.status === 404) return <NotFoundPage />;
  return (
    <div class="stack">
      {!data && <Back />}
      {isPending && <Loading lines={1} />}
      {!data && !!error && <PageTitle title={t.quest.title} />}
      <Failure error={error} retry={() => refetch()} />
      {data && <QuestScreen quest={data} view={view} />}
    </div>
  );
}

function Signed({ questId }: { questId: string }) {
  const query = useQuery(myQuestQuery(questId));
  return <Found query={query} view={query.data} />;
}

function Unsigned({ questId }: { questId: string }) {
  return <Found query={useQuery(questQuery(questId))} />;
}

export function QuestPage() {
  const { params } = useRoute();
  const { session, expired } = useSession();
  // A session that ends in mid-form must not take the form away with it.
  const signed = useRef(!!session);
  useEffect(() => {
    signed.current = !!session || (signed.current && expired);
  }, [session, expired]);
  const questId = params.questId ?? "";
  return session || (expired && signed.current) ? (
    <Signed key={questId} questId={questId} />
  ) : (
    <Unsigned key={questId} questId={questId} />
  );
}
