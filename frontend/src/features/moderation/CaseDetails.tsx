import type { Case } from "../../api/types";
import { t } from "../../lib/text";
import { fullTime } from "../../lib/time";
import { Decisions } from "../../ui/Decisions";
import { Note } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { Person } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { CaseCard } from "./CaseCard";
import { DecisionForm } from "./DecisionForm";
import { Thread } from "./Thread";

const WAITING: readonly Case["state"][] = ["OPEN", "OBJECTED"];

/** Everything that a moderator needs to judge a report, and the decision. */
export function CaseDetails({ found }: { found: { case: Case; history: readonly Case[] } }) {
  const { session } = useSession();
  const report = found.case;
  const { subject, concernedId, reporterId, reason, words, evidence, state, decisions = [], objection } = report;
  const title = t.report.title[subject.kind];
  const waits = WAITING.includes(state);
  const judged = decisions.some(({ decidedBy }) => decidedBy === session?.userId);
  const involved = [concernedId, reporterId].includes(session?.userId ?? "") || judged;
  return (
    <>
      <ScreenTitle title={t.reports.heading({ what: t.reports.about[subject.kind], why: t.report.reason[reason] })} />
      <div class="row">
        <span class="pill">{t.reports.state[state]}</span>
        {subject.questId && <a href={`/quests/${subject.questId}`}>{t.moderation.toQuest}</a>}
      </div>
      <dl class="facts" aria-label={title}>
        <div>
          <dt>{t.moderation.concerned}</dt>
          <dd>
            <Person userId={concernedId} />
          </dd>
        </div>
        <div>
          <dt>{t.moderation.by}</dt>
          <dd>
            <Person userId={reporterId} />
          </dd>
        </div>
        <div>
          <dt>{t.moderation.reported}</dt>
          <dd>{fullTime(report.createdAt)}</dd>
        </div>
      </dl>
      {evidence && (
        <section class="stack tight">
          <h2>{t.moderation.evidence}</h2>
          <p class="plain-text evidence" dir="auto">
            {evidence}
          </p>
        </section>
      )}
      {words && (
        <section class="stack tight">
          <h2>{t.moderation.words}</h2>
          <p class="plain-text evidence" dir="auto">
            {words}
          </p>
        </section>
      )}
      {decisions.length > 0 && (
        <section class="stack tight">
          <h2>{t.moderation.decisions}</h2>
          <Decisions decisions={decisions} />
        </section>
      )}
      {objection && (
        <section class="stack tight">
          <h2>{t.moderation.objection}</h2>
          <p class="plain-text evidence" dir="auto">
            {objection}
          </p>
        </section>
      )}
      {subject.questId && <Thread questId={subject.questId} messageId={subject.messageId ?? undefined} />}
      <section class="stack tight">
        <h2>{t.moderation.history}</h2>
        {found.history.length === 0 && <p class="soft">{t.moderation.noHistory}</p>}
        <ul class="cases">
          {found.history.map((former) => (
            <li class="stack tight" key={former.reportId}>
              <CaseCard report={former} />
              <Decisions decisions={former.decisions ?? []} />
            </li>
          ))}
        </ul>
      </section>
      {waits && involved && <Note>{t.moderation.denied}</Note>}
      {waits && !involved && <DecisionForm report={report} />}
    </>
  );
}
