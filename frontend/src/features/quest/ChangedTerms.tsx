import type { QuestView } from "../../api/types";
import { lookUp, number, t } from "../../lib/text";
import { duration, timeRange } from "../../lib/time";

/** The terms whose former and present value fit on a line. */
const SHORT: Record<string, (quest: QuestView) => string> = {
  title: ({ title }) => title,
  category: ({ category }) => t.category[category],
  area: ({ area }) => area,
  when: ({ when }) => (when ? timeRange(when.start, when.end) : ""),
  minutes: ({ minutes = 0 }) => duration(minutes),
  rewardXp: ({ rewardXp }) => number(rewardXp),
  rewardReputation: ({ rewardReputation }) => number(rewardReputation),
};

interface Props {
  before: QuestView;
  after: QuestView;
  /** The names of the edited fields, as the API gives them. */
  changed: readonly string[];
}

/** The requestor's edits since the member looked, and the way to read the quest again. */
export function ChangedTerms({ before, after, changed }: Props) {
  const known = changed.filter((field) => lookUp(t.quest.terms, field));
  if (known.length === 0) return null;
  return (
    <>
      <h3>{t.quest.termsTitle}</h3>
      <dl class="changed-terms">
        {known.map((field) => {
          const show = SHORT[field];
          return (
            <div key={field}>
              <dt>{lookUp(t.quest.terms, field)}</dt>
              {show && (
                <dd dir="auto">
                  <del>{show(before)}</del> <ins>{show(after)}</ins>
                </dd>
              )}
            </div>
          );
        })}
      </dl>
      <p>
        <a href="#description">{t.quest.readAgain}</a>
      </p>
    </>
  );
}
