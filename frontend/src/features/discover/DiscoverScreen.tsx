import { useInfiniteQuery, useQuery } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Category, listQuestsQuery } from "../../api/limits.gen";
import { questsQuery, statsQuery } from "../../api/queries";
import type { QuestCard } from "../../api/types";
import { remember } from "../../lib/storage";
import { t } from "../../lib/text";
import { ButtonLink } from "../../ui/Button";
import { Choices, Input, Select } from "../../ui/Field";
import { Empty, List } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { Icon, Seal } from "../../ui/icons";
import { QuestTicket } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import "./discover.css";

/** How long a pause in typing starts the search, in milliseconds. */
const TYPING_MS = 350;

const SORTS = {
  newest: (a: QuestCard, b: QuestCard) => b.createdAt.localeCompare(a.createdAt),
  reward: (a: QuestCard, b: QuestCard) => b.rewardXp - a.rewardXp,
  ending: (a: QuestCard, b: QuestCard) => a.expiresAt.localeCompare(b.expiresAt),
};
type Sort = keyof typeof SORTS;

/** The filters live in the URL, so that reload, back and a shared link keep them. */
function useFilters() {
  const { query, route, url, path } = useLocation();
  // For the way back from a quest. While the next screen loads, this one is still shown with that one's address.
  useEffect(() => {
    if (path === "/") remember("board", url, "sessionStorage");
  }, [url]);
  const category = Category.find((candidate) => candidate === query.category);
  const sort: Sort = query.sort && query.sort in SORTS ? (query.sort as Sort) : "newest";
  const filters = { category, q: query.q || undefined };
  const change = (patch: { category?: string | undefined; q?: string; sort?: string }) => {
    const next = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...filters, sort, ...patch })) {
      if (value && value !== "newest") next.set(name, value);
    }
    const search = next.toString();
    route(search ? `/?${search}` : "/", true);
  };
  return { filters, sort, change };
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

function Hero() {
  return (
    <section class="hero" aria-labelledby="hero-title">
      <div class="stack">
        <h2 id="hero-title">{t.discover.heroTitle}</h2>
        <p>{t.discover.heroText}</p>
        <div class="row">
          <ButtonLink href="/sign-up">{t.nav.signUp}</ButtonLink>
        </div>
      </div>
      <Seal requestor performer />
    </section>
  );
}

const STEPS = ["post", "help", "confirm"] as const;

function Steps() {
  const { data: stats } = useQuery(statsQuery());
  return (
    <section class="stack" aria-labelledby="steps">
      <h2 id="steps">{t.discover.stepsTitle}</h2>
      <ol class="steps">
        {STEPS.map((step) => (
          <li key={step}>
            <Seal requestor={step !== "help"} performer={step !== "post"} />
            <div>
              <h3>{t.discover.steps[step].title}</h3>
              <p class="small">{t.discover.steps[step].text}</p>
            </div>
          </li>
        ))}
      </ol>
      {!!stats?.questsCreated && (
        <p class="small soft">
          {t.discover.stats({ created: stats.questsCreated, completed: stats.questsCompleted, days: stats.days })}
        </p>
      )}
    </section>
  );
}

export function DiscoverScreen() {
  const { session } = useSession();
  const { filters, sort, change } = useFilters();
  const query = useInfiniteQuery(questsQuery(filters));
  const count = query.data?.pages.flatMap((page) => page.items).length ?? 0;
  const filtered = !!(filters.category || filters.q);
  return (
    <div class="stack loose">
      {!session && <Hero />}
      <section class="stack">
        <ScreenTitle title={t.discover.title} />
        <div class="filters">
          <Search value={filters.q ?? ""} onSearch={(q) => change({ q })} />
          <Select
            label={t.discover.sort}
            value={sort}
            options={(Object.keys(SORTS) as Sort[]).map((name) => [name, t.discover.sorts[name]] as const)}
            onValue={(next) => change({ sort: next })}
          />
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
        <p class="small soft" role="status">
          {query.data && (query.hasNextPage ? t.discover.resultsSoFar({ count }) : t.discover.results({ count }))}
        </p>
        <List
          query={query}
          empty={
            filtered ? (
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
            )
          }
        >
          {(items) => (
            <div class="tickets">
              {[...items].sort(SORTS[sort]).map((quest) => (
                <QuestTicket key={quest.questId} quest={quest} />
              ))}
            </div>
          )}
        </List>
      </section>
      {!session && <Steps />}
    </div>
  );
}
