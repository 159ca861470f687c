import { useQuery } from "@tanstack/preact-query";
import { meQuery } from "../api/queries";
import { t } from "../lib/text";
import { fullDay } from "../lib/time";
import { Note } from "../ui/feedback";
import { useSession } from "../ui/hooks";

/** A ban is a suspension until the end of the year 9999. */
const FOR_EVER = "9999";

/** Tells a suspended member until when, what they still may do, and where the reasons are. */
export function SuspensionNotice() {
  const { session } = useSession();
  const { data } = useQuery({ ...meQuery(), enabled: !!session });
  const until = session && data?.suspendedUntil;
  if (!until || Date.parse(until) <= Date.now()) return null;
  return (
    <Note variant="warm">
      {until.startsWith(FOR_EVER) ? t.banner.banned : t.banner.suspended({ when: fullDay(until) })}{" "}
      <a href="/reports">{t.banner.why}</a>
    </Note>
  );
}
