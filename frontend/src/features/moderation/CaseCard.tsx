import type { Case } from "../../api/types";
import { t } from "../../lib/text";
import { Person, Time } from "../../ui/quests";
import "./moderation.css";

/** A report in a list. */
export function CaseCard({ report }: { report: Case }) {
  const { reportId, subject, reason, concernedId, evidence, createdAt, state } = report;
  return (
    <article class="panel stack tight case">
      <div class="row apart">
        <h2 class="small-heading">
          <a href={`/moderation/${reportId}`}>
            {t.reports.heading({ what: t.reports.about[subject.kind], why: t.report.reason[reason] })}
          </a>
        </h2>
        <span class="pill">{t.reports.state[state]}</span>
      </div>
      {evidence && (
        <p class="excerpt" dir="auto">
          {evidence}
        </p>
      )}
      <p class="small soft row">
        <Person userId={concernedId} /> <Time at={createdAt} />
      </p>
    </article>
  );
}
