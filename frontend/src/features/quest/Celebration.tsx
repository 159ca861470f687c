import { useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { ledgerQuery } from "../../api/lists";
import type { QuestView } from "../../api/types";
import { recall, remember } from "../../lib/storage";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { useFocus } from "../../ui/hooks";
import { Seal } from "../../ui/icons";

/** Thanks the performer once, on the first visit after the quest is complete. */
export function Celebration({ quest }: { quest: QuestView }) {
  const { attestedBy = [] } = quest;
  const key = `celebrated.${quest.questId}`;
  const [shown, setShown] = useState(() => recall(key) === undefined);
  const heading = useFocus<HTMLHeadingElement>();
  const client = useQueryClient();
  const ledger = useInfiniteQuery({ ...ledgerQuery(), enabled: shown });
  const entry = ledger.data?.pages
    .flatMap((page) => page.items)
    .find(({ kind, questId }) => kind === "reward" && questId === quest.questId);
  const paid = entry?.state === "POSTED";
  useEffect(() => remember(key, true), [key]);
  useEffect(() => {
    if (paid) client.invalidateQueries({ queryKey: ["me", "profile"] });
  }, [paid]);
  if (!shown) return null;
  return (
    <section class="celebration" aria-labelledby="thanks">
      <Seal requestor={attestedBy.includes("requestor")} performer={attestedBy.includes("performer")} />
      <div class="stack tight">
        <h2 id="thanks" ref={heading} tabIndex={-1}>
          {t.quest.thanks}
        </h2>
        <p role="status">
          {paid
            ? t.quest.rewarded({ xp: entry.xp, reputation: entry.reputation, count: entry.points })
            : entry?.state === "HELD"
              ? t.quest.rewardHeld
              : t.quest.rewardComing}
        </p>
        <p class="row">
          <Button variant="quiet" onClick={() => setShown(false)}>
            {t.quest.rewardSeen}
          </Button>
        </p>
      </div>
    </section>
  );
}
