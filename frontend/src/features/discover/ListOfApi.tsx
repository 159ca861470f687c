import { useInfiniteQuery } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { questsQuery } from "../../api/lists";
import { t } from "../../lib/text";
import { Note } from "../../ui/feedback";
import { List } from "../../ui/List";
import type { Filters } from "./board";
import { Tickets } from "./Tickets";

/** The API's list in place of a published board that cannot be had, with a note that it is partial. */
export function ListOfApi({ filters, empty, level }: { filters: Filters; empty: ComponentChildren; level: 2 | 3 }) {
  const { q, category } = filters;
  const query = useInfiniteQuery(questsQuery({ category, q: q || undefined }));
  const count = query.data?.pages.flatMap((page) => page.items).length ?? 0;
  return (
    <>
      {query.data && (
        <>
          <Note>{t.discover.partial}</Note>
          <p class="small soft" role="status">
            {query.hasNextPage ? t.discover.resultsSoFar({ count }) : t.discover.results({ count })}
          </p>
        </>
      )}
      <List query={query} empty={empty}>
        {(quests) => <Tickets quests={quests} level={level} />}
      </List>
    </>
  );
}
