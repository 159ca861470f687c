import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { editMe } from "../../api/actions";
import { MailPreference } from "../../api/limits.gen";
import { meQuery } from "../../api/queries";
import type { Me } from "../../api/types";
import { t } from "../../lib/text";
import { Choices } from "../../ui/Field";
import { announce, Failure, Note } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";

/** The setting for mails about the member's quests, and the reason why none come where their address refuses them. */
export function MailSetting({ me }: { me: Me }) {
  const client = useQueryClient();
  const { session } = useSession();
  const choose = useMutation({
    mutationFn: (mail: Me["mail"]) => editMe({ mail }),
    onSuccess: (saved) => {
      client.setQueryData(meQuery().queryKey, saved);
      announce(t.common.saved);
    },
  });
  return (
    <section class="panel stack">
      {me.mailStopped && (
        <Note variant="warm">
          <h2>{t.settings.mailStopped.title}</h2>
          <p>{t.settings.mailStopped[me.mailStopped]({ email: session?.email ?? "" })}</p>
        </Note>
      )}
      <Choices
        legend={t.settings.mail}
        value={choose.isPending ? choose.variables : me.mail}
        options={MailPreference.map((name) => [name, t.settings.mails[name]] as const)}
        onValue={(name) => choose.mutate(name)}
      />
      <p class="small soft">{t.settings.mailHint}</p>
      <Failure error={choose.error} />
    </section>
  );
}
