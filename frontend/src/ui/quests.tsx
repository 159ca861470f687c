/** How quests and people look, wherever they appear. */
import { useQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { userQuery } from "../api/queries";
import type { Category, QuestCard, QuestStatus } from "../api/types";
import { number, t } from "../lib/text";
import { ago, fullTime } from "../lib/time";
import { sanitisedByServer } from "../lib/trusted";
import { Icon } from "./icons";

/** Whether a moderator completed the quest in place of a side that did not confirm. */
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
  "questId" | "title" | "area" | "status" | "rewardXp" | "rewardReputation" | "createdAt"
> & { category: Category | undefined };

interface TicketProps {
  quest: TicketQuest;
  /** A line in place of the age, e.g. what the quest needs from the viewer. */
  need?: ComponentChildren;
  /** Without a link: the preview of a quest that does not exist yet. */
  preview?: boolean;
}

export function QuestTicket({ quest, need, preview = false }: TicketProps) {
  return (
    <article class="ticket" data-category={quest.category}>
      <div class="paper">
        <div class="face">
          <div class="row apart">
            {quest.category && <CategoryMark category={quest.category} />}
            {quest.status !== "OPEN" && <StatusPill status={quest.status} />}
          </div>
          <h3 dir="auto">{preview ? quest.title : <a href={`/quests/${quest.questId}`}>{quest.title}</a>}</h3>
          <p class="foot">
            {quest.area && (
              <span class="place">
                <Icon name="place" /> <bdi>{quest.area}</bdi>
              </span>
            )}
            <span>{need ?? <Time at={quest.createdAt} />}</span>
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

/** A member's name, linked to their profile. */
export function Person({ userId, you }: { userId: string; you?: boolean }) {
  const { data } = useQuery(userQuery(userId));
  return (
    <span>
      <a href={`/people/${userId}`} dir="auto">
        {data?.displayName ?? "…"}
      </a>
      {you && <span class="you">{t.common.you}</span>}
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
