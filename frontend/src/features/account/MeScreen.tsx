import { useQuery } from "@tanstack/preact-query";
import { openClaims, openClaimsTrusted, performerPoints, trustedFrom } from "../../api/limits.gen";
import { meQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { fullDay } from "../../lib/time";
import { Avatar } from "../../ui/Avatar";
import { ButtonLink } from "../../ui/Button";
import { Loading, ReadState } from "../../ui/feedback";
import { ModeratorMark } from "../../ui/quests";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { Ledger } from "./Ledger";
import { Interests, Totals } from "./Totals";

export function MeScreen() {
  const me = useQuery(meQuery());
  return (
    <div class="stack loose">
      {me.isPending && <Loading lines={1} />}
      <ReadState query={me} />
      {me.data && (
        <section class="stack">
          <div class="row apart">
            <div class="profile-head">
              <Avatar userId={me.data.userId} name={me.data.displayName} large />
              <div>
                <ScreenTitle title={me.data.displayName} />
                {me.data.groups?.includes("moderators") && <ModeratorMark />}
              </div>
            </div>
            <ButtonLink variant="quiet" href="/settings">
              {t.me.settings}
            </ButtonLink>
          </div>
          <Totals
            confirmedBy={me.data.confirmedBy}
            points={me.data.points}
            xp={me.data.xp}
            reputation={me.data.reputation}
            completed={me.data.completed}
          />
          <p class="small soft">{t.me.pointsHelp({ points: t.count.points({ count: performerPoints }) })}</p>
          <p class="small soft">{t.me.claims({ few: openClaims, many: openClaimsTrusted, from: trustedFrom })}</p>
          {me.data.bio && <p class="plain-text">{me.data.bio}</p>}
          <Interests interests={me.data.interests} />
          <p class="small soft">{t.person.since({ when: fullDay(me.data.createdAt) })}</p>
          <p class="small">
            <a href={`/people/${me.data.userId}`}>{t.me.publicProfile}</a>
          </p>
        </section>
      )}
      {/* Not before what stands above it: the layout does not shift. */}
      {!me.isPending && (
        <section class="stack" aria-labelledby="ledger">
          <div class="stack tight">
            <h2 id="ledger">{t.ledger.title}</h2>
            <p class="soft">{t.ledger.intro}</p>
          </div>
          <Ledger me={me.data} />
        </section>
      )}
    </div>
  );
}
