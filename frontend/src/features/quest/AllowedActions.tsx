import type { QuestView } from "../../api/types";
import { lookUp, t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { type FormAction, OFFERS, ORDER } from "./actions";

/** Denials that the screen does not explain: the action is another member's, of another status, or is done. */
const UNEXPLAINED: ReadonlySet<string> = new Set([
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
  // A claim is the main action on an open quest: if it is denied, its disabled button says why.
  const refused =
    quest.status === "OPEN" && !claim?.allowed && claim?.code && !UNEXPLAINED.has(claim.code) ? claim.code : "";
  const denied = verdicts.filter(
    ({ action, allowed, code }) => !allowed && code && !UNEXPLAINED.has(code) && !(refused && action === "claim"),
  );
  const reasons = [...new Set(denied.map(({ code }) => code))];
  // After the attestation no action is the main one any more.
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
