import { useInfiniteQuery } from "@tanstack/preact-query";
import { queueQuery } from "../../api/safety";
import { t } from "../../lib/text";
import { Empty } from "../../ui/feedback";
import { List } from "../../ui/List";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { CaseCard } from "./CaseCard";
import { ModeratorsOnly } from "./ModeratorsOnly";

/** The reports that wait for a moderator. */
export function QueueScreen() {
  return (
    <div class="stack">
      <ScreenTitle title={t.moderation.title} />
      <ModeratorsOnly>
        <p class="soft">{t.moderation.intro}</p>
        <Queue />
      </ModeratorsOnly>
    </div>
  );
}

function Queue() {
  const query = useInfiniteQuery(queueQuery());
  return (
    <List
      query={query}
      empty={
        <Empty title={t.moderation.emptyTitle}>
          <p>{t.moderation.empty}</p>
        </Empty>
      }
    >
      {(cases) => (
        <ul class="cases">
          {cases.map((one) => (
            <li key={one.reportId}>
              <CaseCard report={one} />
            </li>
          ))}
        </ul>
      )}
    </List>
  );
}
