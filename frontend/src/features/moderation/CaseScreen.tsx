import { useQuery } from "@tanstack/preact-query";
import { useRoute } from "preact-iso";
import { ApiError } from "../../api/problem";
import { caseQuery } from "../../api/safety";
import { t } from "../../lib/text";
import { Loading, ReadState } from "../../ui/feedback";
import { Icon } from "../../ui/icons";
import { NotFoundScreen } from "../../ui/NotFoundScreen";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { CaseDetails } from "./CaseDetails";
import { ModeratorsOnly } from "./ModeratorsOnly";
import "../../ui/details.css";

export function CaseScreen() {
  return (
    <div class="stack">
      <div class="row">
        <a href="/moderation" class="back">
          <Icon name="back" /> {t.moderation.title}
        </a>
      </div>
      <ModeratorsOnly>
        <LoadedCase />
      </ModeratorsOnly>
    </div>
  );
}

function LoadedCase() {
  const { params } = useRoute();
  const query = useQuery(caseQuery(params.reportId ?? ""));
  const { data, error, isPending } = query;
  if (error instanceof ApiError && error.status === 404) return <NotFoundScreen />;
  return (
    <>
      {!data && <ScreenTitle title={t.moderation.case} />}
      {isPending && <Loading lines={2} />}
      <ReadState query={query} />
      {data && <CaseDetails found={data} />}
    </>
  );
}
