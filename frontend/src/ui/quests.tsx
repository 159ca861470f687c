/** The look of quests and people, wherever they appear. */
import { useQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { meQuery, userQuery } from "../api/queries";
import type { BoardCard, Category, QuestCard, QuestStatus } from "../api/types";
import { number, t } from "../lib/text";
import { ago, duration, fullTime, timeRange } from "../lib/time";
import { sanitisedByServer } from "../lib/trusted";
import { Avatar } from "./Avatar";
import { Icon } from "./icons";

/** True if a moderator completed the quest in place of a side that did not confirm. */
export const decidedByModerator = ({ status, attestedBy }: Pick<QuestCard, "status" | "attestedBy">): boolean =>
  status === "COMPLETE" && (attestedBy ?? []).length < 2;

export function CategoryMark({ category }: { category: Category }) {
  return (
    <span class="category" data-category={category}>
      <Icon name={category} />
      {t.category[category]}
    </span>
  );
}

export function StatusPill({ status }: { status: QuestStatus }) {
  return (
    <span class="pill" data-status={status}>
      {t.status[status]}
    </span>
  );
}

export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at)}
    </time>
  );
}

type TicketQuest = Pick<
  QuestCard,
  "questId" | "title" | "area" | "status" | "rewardXp" | "rewardReputation" | "createdAt" | "when" | "minutes"
> & { category: Category | undefined; expiresAt?: string; requestorId?: string } & Partial<
    Pick<BoardCard, "requestorName" | "requestorModerator">
  >;

interface TicketProps {
  quest: TicketQuest;
  /** A line in place of when it ends, e.g. what the quest needs from the viewer. */
  need?: ComponentChildren;
  /** Without a link: the preview of a quest that does not exist yet. */
  preview?: boolean;
  /** Of the title: 2 where the cards follow the screen's heading, 3 under a heading of their own. */
  level?: 2 | 3 | undefined;
}

export function QuestTicket({ quest, need, preview = false, level = 3 }: TicketProps) {
  const Heading = `h${level}` as const;
  const { when, minutes, area, expiresAt, requestorId, requestorName, requestorModerator } = quest;
  return (
    <article class="ticket" data-category={quest.category}>
      <div class="paper">
        <div class="face">
          <div class="row apart">
            {quest.category && <CategoryMark category={quest.category} />}
            {quest.status !== "OPEN" && <StatusPill status={quest.status} />}
          </div>
          <Heading class="title" dir="auto">
            {preview ? (
              quest.title
            ) : (
              <a class="cover" href={`/quests/${quest.questId}`}>
                {quest.title}
              </a>
            )}
          </Heading>
          <p class="foot">
            {when && (
              <span class="place">
                <Icon name="clock" /> <strong>{timeRange(when.start, when.end)}</strong>
              </span>
            )}
            {minutes && <span>{duration(minutes)}</span>}
            {area && (
              <span class="place">
                <Icon name="place" /> <bdi>{area}</bdi>
              </span>
            )}
            {requestorName && (
              <span class="person">
                {requestorId && <Avatar userId={requestorId} name={requestorName} />}
                <bdi>{requestorName}</bdi>
                {requestorModerator && <ModeratorMark />}
              </span>
            )}
            {need && <span>{need}</span>}
            {!need && !preview && expiresAt && quest.status === "OPEN" && (
              <time dateTime={expiresAt} title={fullTime(expiresAt)}>
                {t.card.ends({ when: ago(expiresAt) })}
              </time>
            )}
          </p>
        </div>
        <div class="stub">
          <strong>{number(quest.rewardXp)}</strong>
          <span>{t.card.xp}</span>
          <span>{t.card.reputation({ value: quest.rewardReputation })}</span>
        </div>
      </div>
    </article>
  );
}

/** A mark that nobody can give themselves: it comes from the user pool's group. */
export const ModeratorMark = () => (
  <span class="moderator-mark">
    <Icon name="check" />
    {t.common.moderator}
  </span>
);

interface PersonProps {
  userId: string;
  /** As a published document has it; without it the profile is read. */
  name?: string | null | undefined;
  moderator?: boolean | null | undefined;
  you?: boolean;
}

/**
 * A member's name and mark, from their profile where they are not published; one's own name is there at once, and
 * offline too.
 */
export function useProfile(userId: string | null | undefined, published: string | null | undefined) {
  const { data } = useQuery({ ...userQuery(userId ?? ""), enabled: !!userId && !published });
  const me = useQuery({ ...meQuery(), enabled: false }).data;
  const own = me?.userId === userId ? me?.displayName : undefined;
  return { name: data?.displayName ?? published ?? own, moderator: data?.moderator };
}

/** A member's initials and name, linked to their profile. */
export function Person({ userId, name, moderator, you }: PersonProps) {
  const profile = useProfile(userId, name);
  const shown = profile.name;
  return (
    <span class="person">
      <Avatar userId={userId} name={shown} />
      <span>
        <a href={`/people/${userId}`} dir="auto">
          {shown ?? "…"}
        </a>
        {(profile.moderator ?? moderator) && <ModeratorMark />}
        {you && <span class="you">{t.common.you}</span>}
      </span>
    </span>
  );
}

/** Markdown that the server has rendered and cleaned. */
export function Prose({ html }: { html: string }) {
  return (
    // biome-ignore lint/security/noDangerouslySetInnerHtml: the one place; the HTML comes cleaned and through the one Trusted Types policy
    <div class="prose" dangerouslySetInnerHTML={{ __html: sanitisedByServer(html) }} />
  );
}
