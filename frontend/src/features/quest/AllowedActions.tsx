import type { QuestView } from "../../api/types";
import { lookUp, t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { type FormAction, OFFERS, ORDER } from "./actions";

/** Reasons that nobody asks for: the action belongs to somebody else, to another time, or is done. */
const PLAIN: ReadonlySet<string> = new Set([
  "not_requestor",
  "not_performer",
  "not_party",
  "not_moderator",
  "own_quest",
  "wrong_status",
  "already_attested",
  "already_stated",
  "not_hidden",
]);

export function AllowedActions({ quest, onOpen }: { quest: QuestView; onOpen: (action: FormAction) => void }) {
  const verdicts = ORDER.map((action) => ({ action, ...quest.allowedActions[action] }));
  const allowed = verdicts.filter((verdict) => verdict.allowed);
  const claim = quest.allowedActions.claim;
  // A claim is what a visitor of the quest looks for: where it is not possible they are told in its place.
  const refused = quest.status === "OPEN" && !claim?.allowed && claim?.code && !PLAIN.has(claim.code) ? claim.code : "";
  const denied = verdicts.filter(
    ({ action, allowed, code }) => !allowed && code && !PLAIN.has(code) && !(refused && action === "claim"),
  );
  const reasons = [...new Set(denied.map(({ code }) => code))];
  // After one's word, what is left are second thoughts.
  const attested = quest.allowedActions.attest?.code === "already_attested";
  return (
    <section class="stack" aria-label={t.quest.actions}>
      {refused && (
        <div class="actions">
          <Button disabledReason={lookUp(t.denial, refused) ?? t.errors.notAllowed}>{t.action.claim.name}</Button>
        </div>
      )}
      {allowed.length === 0 ? (
        !refused && <p class="soft">{t.quest.nothing}</p>
      ) : (
        <div class="actions">
          {allowed.map(({ action }) =>
            action === "edit" ? (
              <ButtonLink key={action} variant="quiet" href={`/quests/${quest.questId}/edit`}>
                {t.action.edit.name}
              </ButtonLink>
            ) : (
              <Button key={action} variant={attested ? "plain" : OFFERS[action].variant} onClick={() => onOpen(action)}>
                {t.action[action].name}
              </Button>
            ),
          )}
        </div>
      )}
      {reasons.length > 0 && (
        <details class="small">
          <summary>{t.quest.denied}</summary>
          <dl class="denied">
            {reasons.map((code) => (
              <div key={code}>
                {denied.map(
                  (verdict) => verdict.code === code && <dt key={verdict.action}>{t.action[verdict.action].name}</dt>,
                )}
                <dd class="soft">{lookUp(t.denial, code) ?? t.errors.notAllowed}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}
