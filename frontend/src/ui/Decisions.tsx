import type { Measure } from "../api/types";
import { t } from "../lib/text";
import { fullDay } from "../lib/time";
import { Person, Time } from "./quests";
import "./details.css";

interface Decision {
  measure: Measure;
  words: string;
  until?: string | null;
  decidedAt: string;
  /** For moderators alone. */
  decidedBy?: string;
}

/** The `decidedBy` of a decision that was made by the command line. */
const OPERATORS = "operators";
const FOR_EVER = "9999";

export const isForEver = (until: string): boolean => until.startsWith(FOR_EVER);

/** The moderators' decisions on a report, in their words, the first one first. */
export function Decisions({ decisions }: { decisions: readonly Decision[] }) {
  return (
    <>
      {decisions.map(({ measure, words, until, decidedAt, decidedBy }) => (
        <section class="stack tight quoted" key={decidedAt}>
          <p>
            <strong>{t.told[measure]}</strong>{" "}
            {until && !isForEver(until) && <span>{t.told.until({ when: fullDay(until) })}</span>}{" "}
            <span class="small soft">
              <Time at={decidedAt} />
            </span>
          </p>
          <p class="plain-text">{words}</p>
          {decidedBy && (
            <p class="small soft">
              {t.moderation.decidedBy}{" "}
              {decidedBy === OPERATORS ? t.moderation.operators : <Person userId={decidedBy} />}
            </p>
          )}
        </section>
      ))}
    </>
  );
}
