import { useMutation } from "@tanstack/preact-query";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso";
import { unsubscribe } from "../../api/actions";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { Failure } from "../../ui/feedback";
import { ScreenTitle } from "../../ui/ScreenTitle";

/** The target of the link in a mail: one click ends the mails, without signing in. */
export function UnsubscribeScreen() {
  const { token = "" } = useLocation().query;
  const end = useMutation({ mutationFn: () => unsubscribe(token) });
  const { mutate } = end;
  useEffect(() => mutate(), [mutate]);
  return (
    <section class="panel stack">
      <ScreenTitle title={t.unsubscribe.title} />
      <p role="status">{end.isSuccess ? t.unsubscribe.done : end.isPending ? t.common.busy : ""}</p>
      <Failure error={end.error} />
      {end.isError && <Button onClick={() => mutate()}>{t.common.retry}</Button>}
      <a href="/settings">{t.unsubscribe.settings}</a>
    </section>
  );
}
