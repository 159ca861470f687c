import type { ComponentChildren } from "preact";
import type { Role } from "../../api/types";
import { t } from "../../lib/text";
import { Prose } from "../../ui/quests";
import { DisputeSides } from "./DisputeSides";
import { type AnyQuest, wantedChanges } from "./quest";

interface Props {
  quest: AnyQuest;
  names: Record<Role, string>;
  /** The parties' messages to each other: they stand beside what was handed in. */
  thread: ComponentChildren;
}

export function QuestText({ quest, names, thread }: Props) {
  const wanted = wantedChanges(quest);
  const notes = (quest.attestations ?? []).filter((attestation) => attestation.notes);
  return (
    <>
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
      {quest.dispute && <DisputeSides quest={quest} dispute={quest.dispute} names={names} />}
      {quest.submissionHtml ? (
        <div class="beside">
          <section class="stack tight handed-in" aria-labelledby="submission">
            <h2 id="submission">{t.quest.submission}</h2>
            <Prose html={quest.submissionHtml} />
          </section>
          {thread}
        </div>
      ) : (
        thread
      )}
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
          <h2>{t.quest.notes({ name: names[attestation.role] })}</h2>
          <p class="plain-text">{attestation.notes}</p>
        </section>
      ))}
    </>
  );
}
