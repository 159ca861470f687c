import { useInfiniteQuery } from "@tanstack/preact-query";
import { questsQuery } from "../../api/lists";
import type { Quest } from "../../api/types";
import { t } from "../../lib/text";
import { QuestTicket } from "../../ui/quests";

export function Similar({ quest }: { quest: Quest }) {
  const { data } = useInfiniteQuery(questsQuery({ category: quest.category }));
  const found = data?.pages[0]?.items.filter(({ questId }) => questId !== quest.questId).slice(0, 3) ?? [];
  if (found.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="similar">
      <h2 id="similar">{t.quest.similar}</h2>
      <div class="tickets">
        {found.map((other) => (
          <QuestTicket key={other.questId} quest={other} />
        ))}
      </div>
    </section>
  );
}
