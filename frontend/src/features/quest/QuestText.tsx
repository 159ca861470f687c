import type { Role } from "../../api/types";
import { t } from "../../lib/text";
import { Prose } from "../../ui/quests";
import { type AnyQuest, wantedChanges } from "./quest";

export function QuestText({ quest, names }: { quest: AnyQuest; names: Record<Role, string> }) {
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
          <h2>{t.quest.notes({ name: names[attestation.role] })}</h2>
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
