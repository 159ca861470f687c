import { useQuery } from "@tanstack/preact-query";
import { useRoute } from "preact-iso";
import { ApiError } from "../../api/problem";
import { userQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { Avatar } from "../../ui/Avatar";
import { Loading, ReadState } from "../../ui/feedback";
import { NotFoundScreen } from "../../ui/NotFoundScreen";
import { ModeratorMark } from "../../ui/quests";
import { ReportButton } from "../../ui/ReportButton";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { BlockButton } from "./BlockButton";
import { ThanksList } from "./ThanksList";
import { Interests, Totals } from "./Totals";

export function PersonScreen() {
  const { params } = useRoute();
  const userId = params.userId ?? "";
  const query = useQuery(userQuery(userId));
  const { data, error, isPending } = query;
  if (error instanceof ApiError && error.status === 404) return <NotFoundScreen />;
  return (
    <div class="stack loose">
      {isPending && <Loading lines={1} />}
      <ReadState query={query} />
      {data && (
        <>
          <section class="stack">
            <header class="profile-head">
              <Avatar userId={userId} name={data.displayName} large />
              <div>
                <ScreenTitle title={data.displayName} />
                {data.moderator && <ModeratorMark />}
              </div>
            </header>
            <Totals
              confirmedBy={data.confirmedBy}
              xp={data.xp}
              reputation={data.reputation}
              completed={data.completed}
            />
            {data.bio && <p class="plain-text">{data.bio}</p>}
            <Interests interests={data.interests} />
            <p class="small soft">{t.person.since({ when: fullDay(data.createdAt) })}</p>
          </section>
          <ThanksList thanks={data.thanks ?? []} />
          <section class="stack tight">
            <ReportButton subject={{ kind: "member", userId }} ownerId={userId} />
            <BlockButton userId={userId} />
          </section>
        </>
      )}
    </div>
  );
}
