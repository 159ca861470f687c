import type { QuestView } from "../../api/types";
import { withNext } from "../../lib/ids";
import { number, t } from "../../lib/text";
import { ButtonLink } from "../../ui/Button";
import { Note } from "../../ui/feedback";
import { AllowedActions } from "./AllowedActions";
import type { FormAction } from "./actions";
import type { AnyQuest } from "./quest";

export function RewardPanel({
  quest,
  view,
  onOpen,
}: {
  quest: AnyQuest;
  view: QuestView | undefined;
  onOpen: (action: FormAction) => void;
}) {
  // Known before the claim: rewards are for helping different people.
  const share = view?.rewardShare ?? 100;
  const diminished = share < 100 && quest.status !== "COMPLETE" ? share : undefined;
  return (
    <section class="panel stack" data-category={quest.category} aria-label={t.quest.reward}>
      <div class="reward">
        <div class="stub">
          <strong>{number(quest.rewardXp)}</strong>
          <span>{t.card.xp}</span>
        </div>
        <p>
          <strong>{t.count.reputation({ value: quest.rewardReputation })}</strong>
          <br />
          <span class="small soft">{t.quest.rewardPoints}</span>
        </p>
      </div>
      {diminished !== undefined && <Note variant="warm">{t.quest.pairShare({ share: diminished })}</Note>}
      {view ? (
        <AllowedActions quest={view} onOpen={onOpen} />
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
