import type { ComponentChildren } from "preact";
import { t } from "../lib/text";
import { Button } from "./Button";
import { Loading, ReadState } from "./feedback";

interface ListQuery<T> {
  data?: { pages: { items: readonly T[] }[] } | undefined;
  dataUpdatedAt: number;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  refetch: () => unknown;
  fetchNextPage: () => unknown;
}

interface ListProps<T> {
  query: ListQuery<T>;
  empty: ComponentChildren;
  children: (items: readonly T[]) => ComponentChildren;
}

/** A paged list in one of its four states: loading, failed, empty, and there. What is cached stays visible when a refresh fails. */
export function List<T>({ query, empty, children }: ListProps<T>) {
  const items = query.data?.pages.flatMap((page) => page.items);
  return (
    <div class="stack">
      {query.isPending && <Loading />}
      <ReadState query={query} />
      {items?.length === 0 && !query.error && !query.hasNextPage && empty}
      {items && items.length > 0 && children(items)}
      {query.hasNextPage && (
        <p class="row">
          <Button variant="quiet" busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            {t.common.more}
          </Button>
        </p>
      )}
    </div>
  );
}
