import { useState } from "preact/hooks";
import type { Report } from "../../api/types";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Decisions } from "../../ui/Decisions";
import { Time } from "../../ui/quests";
import { ObjectionForm } from "./ObjectionForm";

const placeOf = ({ subject }: Report): string =>
  subject.questId ? `/quests/${subject.questId}` : `/people/${subject.userId}`;

/** A report as the member who made it, or the one whom it concerns, sees it. */
export function ReportItem({ report }: { report: Report }) {
  const [objecting, setObjecting] = useState(false);
  const { subject, state, reason, words, createdAt, decisions = [], objection, mayObject } = report;
  return (
    <article class="panel stack">
      <div class="row apart">
        <h3>{t.reports.heading({ what: t.reports.about[subject.kind], why: t.report.reason[reason] })}</h3>
        <span class="pill">{t.reports.state[state]}</span>
      </div>
      <p class="small soft row">
        <Time at={createdAt} /> <a href={placeOf(report)}>{t.reports.see}</a>
      </p>
      {words && <p class="plain-text">{words}</p>}
      <Decisions decisions={decisions} />
      {objection && (
        <section class="stack tight quoted">
          <h4>{t.reports.yourObjection}</h4>
          <p class="plain-text">{objection}</p>
        </section>
      )}
      {objecting && mayObject && <ObjectionForm reportId={report.reportId} onClose={() => setObjecting(false)} />}
      {mayObject && !objecting && (
        <div class="row">
          <Button variant="quiet" onClick={() => setObjecting(true)}>
            {t.reports.object}
          </Button>
        </div>
      )}
    </article>
  );
}
