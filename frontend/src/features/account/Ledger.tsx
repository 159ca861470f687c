import { useInfiniteQuery } from "@tanstack/preact-query";
import { ledgerQuery } from "../../api/lists";
import type { LedgerEntry, Me } from "../../api/types";
import { lookUp, signed, t } from "../../lib/text";
import { month } from "../../lib/time";
import { Empty, Note } from "../../ui/feedback";
import { List } from "../../ui/List";
import { Time } from "../../ui/quests";

const FIGURES = ["points", "xp", "reputation"] as const;

/** True if the booked entries add up to the member's totals. Only all of them can tell. */
export function addsUp(entries: readonly LedgerEntry[], totals: Pick<Me, (typeof FIGURES)[number]>): boolean {
  const posted = entries.filter(({ state }) => state === "POSTED");
  return FIGURES.every((figure) => posted.reduce((sum, entry) => sum + entry[figure], 0) === totals[figure]);
}

/** The entries under the names of their months, in their order. */
function byMonth(entries: readonly LedgerEntry[]): [string, LedgerEntry[]][] {
  const months = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const name = month(entry.createdAt);
    months.set(name, [...(months.get(name) ?? []), entry]);
  }
  return [...months];
}

export function Ledger({ me }: { me: Me | undefined }) {
  const query = useInfiniteQuery(ledgerQuery());
  return (
    <List
      query={query}
      empty={
        <Empty title={t.ledger.emptyTitle}>
          <p>{t.ledger.empty}</p>
        </Empty>
      }
    >
      {(entries) => (
        <>
          <div class="table-frame">
            <table class="ledger">
              <thead>
                <tr>
                  <th scope="col">{t.ledger.columns.what}</th>
                  {FIGURES.map((figure) => (
                    <th scope="col" class="number" key={figure}>
                      {t.ledger.columns[figure]}
                    </th>
                  ))}
                </tr>
              </thead>
              {byMonth(entries).map(([name, own]) => (
                <tbody key={name}>
                  <tr>
                    <th class="month" colSpan={4} scope="rowgroup">
                      {name}
                    </th>
                  </tr>
                  {own.map((entry) => (
                    <tr key={entry.entryId} data-state={entry.state}>
                      <th scope="row">
                        <span>
                          {entry.returning ? t.ledger.returning : (lookUp(t.ledger.kind, entry.kind) ?? entry.kind)}
                        </span>
                        {entry.questId && (
                          <a class="quest-title" href={`/quests/${entry.questId}`} dir="auto">
                            {entry.questTitle ?? t.quest.title}
                          </a>
                        )}
                        {entry.state !== "POSTED" && (
                          <span class="pill">{lookUp(t.ledger.state, entry.state) ?? entry.state}</span>
                        )}
                        {entry.share < 100 && <small class="small">{t.ledger.share({ percent: entry.share })}</small>}
                        <small class="small soft">
                          <Time at={entry.createdAt} />
                        </small>
                      </th>
                      {FIGURES.map((figure) => (
                        <td class="number" key={figure}>
                          {entry[figure] === 0 ? "" : signed(entry[figure])}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              ))}
            </table>
          </div>
          {me &&
            !query.hasNextPage &&
            (addsUp(entries, me) ? (
              <Note variant="good" icon="check">
                {t.ledger.balanced}
              </Note>
            ) : (
              !entries.some(({ state }) => state === "PENDING") && <Note variant="warm">{t.ledger.unbalanced}</Note>
            ))}
        </>
      )}
    </List>
  );
}
