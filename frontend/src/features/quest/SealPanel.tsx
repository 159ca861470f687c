import type { Role } from "../../api/types";
import { t } from "../../lib/text";
import { Seal } from "../../ui/icons";
import { decidedByModerator } from "../../ui/quests";
import type { AnyQuest } from "./quest";

export function SealPanel({ quest, names }: { quest: AnyQuest; names: Record<Role, string> }) {
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
