import { useQuery } from "@tanstack/preact-query";
import { meQuery } from "../../api/queries";
import { t } from "../../lib/text";
import { Loading, ReadState } from "../../ui/feedback";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { AccountSettings } from "./AccountSettings";
import { BlockedSetting } from "./BlockedSetting";
import { DataSettings } from "./DataSettings";
import { LanguageSetting } from "./LanguageSetting";
import { MailSetting } from "./MailSetting";
import { ProfileForm } from "./ProfileForm";
import { PushSetting } from "./PushSetting";
import { ThemeSetting } from "./ThemeSetting";
import "./settings.css";

export function SettingsScreen() {
  const me = useQuery(meQuery());
  return (
    <div class="settings stack">
      <ScreenTitle title={t.settings.title} />
      {me.isPending && <Loading lines={1} />}
      <ReadState query={me} />
      {me.data && <ProfileForm me={me.data} />}
      {/* Not before what stands above them: the layout does not shift. */}
      {!me.isPending && (
        <>
          {me.data && <MailSetting me={me.data} />}
          <PushSetting />
          <LanguageSetting />
          <ThemeSetting />
          <AccountSettings />
        </>
      )}
      {me.data && <BlockedSetting me={me.data} />}
      {me.data && <DataSettings me={me.data} />}
    </div>
  );
}
