import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { signOut, signOutEverywhere } from "../../api/cognito";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ConfirmButton } from "../../ui/ConfirmButton";
import { announce } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";
import { EmailSetting } from "./EmailSetting";
import { PasswordSetting } from "./PasswordSetting";

export function AccountSettings() {
  const { session } = useSession();
  const { route } = useLocation();
  const [changing, setChanging] = useState<"email" | "password">();
  const close = () => setChanging(undefined);
  const left = () => {
    announce(t.settings.signedOut);
    route("/");
  };
  return (
    <section class="panel stack">
      <h2>{t.settings.account}</h2>
      <p class="soft">{session && t.settings.signedInAs({ email: session.email })}</p>
      {changing === "email" && <EmailSetting onClose={close} />}
      {changing === "password" && <PasswordSetting onClose={close} />}
      {!changing && (
        <div class="row">
          <Button variant="quiet" onClick={() => setChanging("email")}>
            {t.settings.changeEmail}
          </Button>
          <Button variant="quiet" onClick={() => setChanging("password")}>
            {t.settings.changePassword}
          </Button>
        </div>
      )}
      <div class="row">
        <Button variant="quiet" onClick={() => signOut().then(left)}>
          {t.settings.signOut}
        </Button>
      </div>
      <div class="row">
        <ConfirmButton
          name={t.settings.signOutEverywhere}
          ask={t.settings.signOutEverywhereAsk}
          confirm={t.settings.signOutEverywhereConfirm}
          run={() => signOutEverywhere().then(left)}
        />
      </div>
    </section>
  );
}
