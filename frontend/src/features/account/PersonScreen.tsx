import { useQuery } from "@tanstack/preact-query";
import { useRoute } from "preact-iso";
import { ApiError } from "../../api/problem";
import { userQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { Loading, ReadState } from "../../ui/feedback";
import { NotFoundScreen } from "../../ui/NotFoundScreen";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { Interests, Totals } from "./Totals";

export function PersonScreen() {
  const { params } = useRoute();
  const query = useQuery(userQuery(params.userId ?? ""));
  const { data, error, isPending } = query;
  if (error instanceof ApiError && error.status === 404) return <NotFoundScreen />;
  return (
    <div class="stack">
      {isPending && <Loading lines={1} />}
      <ReadState query={query} />
      {data && (
        <>
          <ScreenTitle title={data.displayName} />
          <Totals xp={data.xp} reputation={data.reputation} completed={data.completed} />
          {data.bio && <p class="plain-text">{data.bio}</p>}
          <Interests interests={data.interests} />
          <p class="small soft">{t.person.since({ when: fullDay(data.createdAt) })}</p>
        </>
      )}
    </div>
  );
}
