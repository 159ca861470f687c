import { useQuery } from "@tanstack/preact-query";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { PublishedBoard } from "../../api/board";
import { Category, listQuestsQuery } from "../../api/limits.gen";
import { boardQuery } from "../../api/queries";
import { recall, remember } from "../../lib/storage";
import { locale, t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { Check, Choices, Input, Select } from "../../ui/Field";
import { Empty, Failure, Loading, ReadState } from "../../ui/feedback";
import { Icon } from "../../ui/icons";
import { areaChoices, countAreas, type Filters, found, SORTS, type Sort } from "./board";
import { Tickets } from "./Tickets";
import "./discover.css";

/** The pause in typing that starts the search, in milliseconds. */
const TYPING_MS = 350;
/** The number of cards shown at first, and with each "show more". */
const STEP = 60;

/** The filters live in the URL, so that reload, back and a shared link keep them. */
function useFilters() {
  const { query, route, url, path } = useLocation();
  // For the way back from a quest. While the next screen loads, this one is still shown with that one's address.
  useEffect(() => {
    if (path === "/") remember("board", url, "sessionStorage");
  }, [url]);
  const filters: Filters = {
    q: query.q ?? "",
    category: Category.find((candidate) => candidate === query.category),
    area: query.area || undefined,
    weekend: query.weekend === "1",
    short: query.short === "1",
    sort: SORTS.find((candidate) => candidate === query.sort) ?? "newest",
  };
  const change = (patch: Partial<Filters>) => {
    const { q, category, area, weekend, short, sort } = { ...filters, ...patch };
    const next = new URLSearchParams();
    if (q) next.set("q", q);
    if (category) next.set("category", category);
    if (area) next.set("area", area);
    if (weekend) next.set("weekend", "1");
    if (short) next.set("short", "1");
    if (sort !== "newest") next.set("sort", sort);
    const search = next.toString();
    route(search ? `/?${search}` : "/", true);
  };
  const { q, category, area, weekend, short } = filters;
  return { filters, filtered: !!(q || category || area || weekend || short), change, url };
}

function Search({ value, onSearch }: { value: string; onSearch: (q: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onSearch(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSearch(typed.trim());
        }}
      >
        <Input
          label={t.discover.search}
          type="search"
          placeholder={t.discover.searchHint}
          value={typed}
          onValue={(value) => setTyped(value.slice(0, listQuestsQuery.q.maxLength))}
        />
      </form>
    </search>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty title={t.discover.emptyFilteredTitle}>
      <p>{t.discover.emptyFiltered}</p>
      <ButtonLink variant="quiet" href="/">
        {t.discover.clear}
      </ButtonLink>
    </Empty>
  ) : (
    <Empty title={t.discover.emptyTitle}>
      <p>{t.discover.empty}</p>
      <ButtonLink href="/quests/new">{t.nav.create}</ButtonLink>
    </Empty>
  );
}

/** The number of quests that the member wanted to see at this address, also when they come back to it. */
function useShown(url: string): [count: number, more: () => void] {
  const kept = () => recall<{ url: string; count: number }>("board.shown", "sessionStorage");
  const [shown, setShown] = useState(kept);
  const count = shown?.url === url ? shown.count : STEP;
  const more = () => {
    const next = { url, count: count + STEP };
    remember("board.shown", next, "sessionStorage");
    setShown(next);
  };
  return [count, more];
}

/** The board's quests for a member: of a long one as much as is shown. */
function useFound(filters: Filters, count: number) {
  const board = useQuery(boardQuery());
  const { cards, index } = board.data ?? {};
  const looked = JSON.stringify(filters);
  const long = useQuery({
    queryKey: ["long-board", looked, count, board.data?.publishedAt],
    enabled: !!index,
    queryFn: async () => (await import("./longBoard")).list(board.data as PublishedBoard, filters, count),
    // Until there is an answer for the next state of the board, the last one stays.
    placeholderData: (before, query) => (query?.queryKey[1] === looked ? before : undefined),
  });
  if (index) return { board, list: long, areas: index.areas, ...long.data };
  const all = cards && found(cards, filters, Date.now());
  const more = !!all && all.length > count;
  return { board, list: board, areas: countAreas(cards ?? []), total: all?.length, more, quests: all?.slice(0, count) };
}

interface ListOfApiProps {
  filters: Filters;
  empty: ComponentChildren;
  level: 2 | 3;
}

/** The API's list, whose code loads where the published board cannot be had. */
function ListOfApi(props: ListOfApiProps) {
  const [List, setList] = useState<ComponentType<ListOfApiProps>>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    setError(undefined);
    import("./ListOfApi").then((module) => setList(() => module.ListOfApi), setError);
  };
  useEffect(load, []);
  if (error) return <Failure error={error} retry={load} />;
  return List ? <List {...props} /> : <Loading />;
}

/** The board with its filters, under `heading`; its cards have headings of `level`. */
export function OpenQuests({ heading, level = 2 }: { heading: ComponentChildren; level?: 2 | 3 }) {
  const { filters, filtered, change, url } = useFilters();
  const [count, showMore] = useShown(url);
  const { board, list, quests, total, more, areas } = useFound(filters, count);
  const withoutBoard = !board.data && board.isError;
  return (
    <section class="stack">
      {heading}
      <div class="filters">
        <Search value={filters.q} onSearch={(q) => change({ q })} />
        {!withoutBoard && (
          <>
            <Select
              label={t.discover.area}
              value={filters.area ?? ""}
              options={[["", t.discover.anywhere], ...areaChoices(areas, locale())]}
              onValue={(area) => change({ area: area || undefined })}
            />
            <Select
              label={t.discover.sort}
              value={filters.sort}
              options={SORTS.map((name: Sort) => [name, t.discover.sorts[name]] as const)}
              onValue={(sort) => change({ sort })}
            />
          </>
        )}
        <div class="chips">
          {!withoutBoard && (
            <fieldset class="choices">
              <legend class="visually-hidden">{t.discover.filters}</legend>
              <Check checked={filters.weekend} onValue={(weekend) => change({ weekend })}>
                {t.discover.weekend}
              </Check>
              <Check checked={filters.short} onValue={(short) => change({ short })}>
                {t.discover.short}
              </Check>
            </fieldset>
          )}
          <Choices
            legend={t.discover.category}
            quiet
            value={filters.category ?? "all"}
            options={[
              ["all", t.discover.all],
              ...Category.map(
                (category) =>
                  [
                    category,
                    <span class="mark" data-category={category} key={category}>
                      <Icon name={category} /> {t.category[category]}
                    </span>,
                  ] as const,
              ),
            ]}
            onValue={(category) => change({ category: category === "all" ? undefined : category })}
          />
        </div>
      </div>
      {withoutBoard ? (
        <ListOfApi filters={filters} empty={<Nothing filtered={filtered} />} level={level} />
      ) : (
        <>
          <p class="small soft" role="status">
            {quests &&
              (total === undefined
                ? t.discover.resultsSoFar({ count: quests.length })
                : t.discover.results({ count: total }))}
          </p>
          {list.isPending && <Loading />}
          {board.data && <ReadState query={{ ...list, dataUpdatedAt: board.data.at }} />}
          {quests?.length === 0 && <Nothing filtered={filtered} />}
          {quests && quests.length > 0 && <Tickets quests={quests} level={level} />}
          {more && (
            <p class="row">
              <Button variant="quiet" busy={list.isFetching && list.isPlaceholderData} onClick={showMore}>
                {t.common.more}
              </Button>
            </p>
          )}
        </>
      )}
    </section>
  );
}
