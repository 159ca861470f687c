import { useQueryClient } from "@tanstack/preact-query";
import { useLocation } from "preact-iso";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ConfirmButton } from "../../ui/ConfirmButton";
import { announce } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";

const cognito = () => import("../../api/cognito");

export function AccountSettings() {
  const client = useQueryClient();
  const { session } = useSession();
  const { route } = useLocation();
  const left = () => {
    client.removeQueries({ queryKey: ["me"] });
    announce(t.settings.signedOut);
    route("/");
  };
  return (
    <section class="panel stack">
      <h2>{t.settings.account}</h2>
      <p class="soft">{session && t.settings.signedInAs({ email: session.email })}</p>
      <div class="row">
        <Button variant="quiet" onClick={async () => (await cognito()).signOut().then(left)}>
          {t.settings.signOut}
        </Button>
      </div>
      <div class="row">
        <ConfirmButton
          name={t.settings.signOutEverywhere}
          ask={t.settings.signOutEverywhereAsk}
          confirm={t.settings.signOutEverywhereConfirm}
          run={async () => (await cognito()).signOutEverywhere().then(left)}
        />
      </div>
    </section>
  );
}
