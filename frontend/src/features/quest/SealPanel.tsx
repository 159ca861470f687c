import type { Role } from "../../api/types";
import { t } from "../../lib/text";
import { Seal } from "../../ui/icons";
import { decidedByModerator } from "../../ui/quests";
import type { AnyQuest } from "./quest";

export function SealPanel({ quest, names }: { quest: AnyQuest; names: Record<Role, string> }) {
  const given = quest.attestedBy ?? [];
  const moderation =
    quest.status === "DISPUTED" ? t.quest.seal.disputed : decidedByModerator(quest) ? t.quest.seal.decided : undefined;
  if (!["SUBMITTED", "DISPUTED", "COMPLETE"].includes(quest.status)) return null;
  return (
    <section class="panel seal-panel" aria-labelledby="seal-title">
      <Seal requestor={given.includes("requestor")} performer={given.includes("performer")} />
      <div>
        <h2 id="seal-title" class="visually-hidden">
          {t.quest.seal.title}
        </h2>
        {given.length === 2 ? (
          <p>{t.quest.seal.complete}</p>
        ) : (
          (["requestor", "performer"] as const).map((role) =>
            given.includes(role) ? (
              <p key={role}>{t.quest.seal.confirmed({ who: names[role] })}</p>
            ) : (
              !moderation && (
                <p key={role} class="soft">
                  {t.quest.seal.waiting({ who: names[role] })}
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
