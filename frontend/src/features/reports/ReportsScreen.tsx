import { useInfiniteQuery } from "@tanstack/preact-query";
import { myReportsQuery } from "../../api/safety";
import { t } from "../../lib/text";
import { List } from "../../ui/List";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { ReportItem } from "./ReportItem";

/** The moderators' decisions on the member, with a way to object, and the outcomes of the member's own reports. */
export function ReportsScreen() {
  const concerned = useInfiniteQuery(myReportsQuery("concerned"));
  const made = useInfiniteQuery(myReportsQuery("reporter"));
  return (
    <div class="stack loose reports">
      <ScreenTitle title={t.reports.title} />
      <section class="stack" aria-labelledby="concerned">
        <h2 id="concerned">{t.reports.concerned}</h2>
        <List query={concerned} empty={<p class="soft">{t.reports.noneConcerned}</p>}>
          {(reports) => reports.map((report) => <ReportItem key={report.reportId} report={report} />)}
        </List>
      </section>
      {/* Not before what stands above it: the layout does not shift. */}
      {!concerned.isPending && (
        <section class="stack" aria-labelledby="made">
          <h2 id="made">{t.reports.made}</h2>
          <List query={made} empty={<p class="soft">{t.reports.noneMade}</p>}>
            {(reports) => reports.map((report) => <ReportItem key={report.reportId} report={report} />)}
          </List>
        </section>
      )}
    </div>
  );
}
