import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Profile } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { deleteMe, editMe, exportMe, meQuery, restoreMe } from "../../api/queries";
import type { Me } from "../../api/types";
import { t } from "../../lib/text";
import { applyTheme, currentTheme, THEMES } from "../../lib/theme";
import { fullDay } from "../../lib/time";
import { check, type FieldErrors } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Careful } from "../../ui/Careful";
import { Choices, Input, TextArea } from "../../ui/Field";
import { announce, Failure, Loading, Note } from "../../ui/feedback";
import { useDraft, useErrors, useSession } from "../../ui/hooks";
import { PageTitle } from "../../ui/PageTitle";
import "./account.css";

const cognito = () => import("../../api/cognito");

interface Values {
  displayName: string;
  bio: string;
  interests: string;
}

export const listOf = (typed: string): string[] => [
  ...new Set(
    typed
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean),
  ),
];

function ProfileForm({ me }: { me: Me }) {
  const client = useQueryClient();
  const draft = useDraft<Values>("profile", {
    displayName: me.displayName,
    bio: me.bio,
    interests: me.interests.join(", "),
  });
  const { errors, setErrors, touched } = useErrors<Values>();
  const change = (patch: Partial<Values>) => {
    draft.change(patch);
    touched(patch);
  };
  const body = {
    displayName: draft.values.displayName.trim(),
    bio: draft.values.bio.trim(),
    interests: listOf(draft.values.interests),
  };
  const save = useMutation({
    mutationFn: () => editMe(body),
    onSuccess: (saved) => {
      client.setQueryData(meQuery().queryKey, saved);
      client.invalidateQueries({ queryKey: ["user", saved.userId] });
      draft.clear(draft.values);
      announce(t.common.saved);
    },
    onError: (error) => setErrors(error instanceof ApiError ? error.fields : {}),
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found = check(body, Profile) as FieldErrors<Values>;
    setErrors(found);
    if (Object.keys(found).length === 0 && !save.isPending) save.mutate();
  };
  return (
    <form class="panel stack" onSubmit={submit} noValidate>
      <h2>{t.settings.profile}</h2>
      <Input
        label={t.settings.name}
        hint={t.settings.nameHint}
        autocomplete="nickname"
        value={draft.values.displayName}
        rule={Profile.displayName}
        error={errors.displayName}
        onValue={(displayName) => change({ displayName })}
      />
      <TextArea
        label={t.settings.bio}
        optional
        value={draft.values.bio}
        rule={Profile.bio}
        error={errors.bio}
        onValue={(bio) => change({ bio })}
      />
      <Input
        label={t.settings.interests}
        hint={t.compose.tagsHint(Profile.interests.maxItems)}
        optional
        value={draft.values.interests}
        error={errors.interests}
        onValue={(interests) => change({ interests })}
      />
      <Failure error={save.error} />
      <div class="row">
        <Button type="submit" busy={save.isPending}>
          {t.common.save}
        </Button>
      </div>
    </form>
  );
}

function Look() {
  const [theme, setTheme] = useState(currentTheme());
  return (
    <section class="panel stack">
      <Choices
        legend={t.settings.theme}
        value={theme}
        options={THEMES.map((name) => [name, t.settings.themes[name]] as const)}
        onValue={(name) => {
          setTheme(name);
          applyTheme(name);
        }}
      />
    </section>
  );
}

function download(data: unknown): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "civicforge.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function Data({ me }: { me: Me }) {
  const client = useQueryClient();
  const heading = useRef<HTMLHeadingElement>(null);
  const update = (saved: Me, news: string) => {
    client.setQueryData(meQuery().queryKey, saved);
    announce(news);
  };
  // The button that was pressed is gone with the account's old state.
  const before = useRef(me.deletionAt);
  useEffect(() => {
    if (before.current !== me.deletionAt) heading.current?.focus();
    before.current = me.deletionAt;
  }, [me.deletionAt]);
  const exporting = useMutation({
    mutationFn: exportMe,
    onSuccess: (data) => {
      download(data);
      announce(t.settings.exported);
    },
  });
  const restore = useMutation({
    mutationFn: restoreMe,
    onSuccess: (saved) => update(saved, t.settings.restored),
  });
  return (
    <section class="panel stack">
      <h2 ref={heading} tabIndex={-1}>
        {t.settings.data}
      </h2>
      <Failure error={exporting.error ?? restore.error} />
      <div class="row">
        <Button look="quiet" busy={exporting.isPending} onClick={() => exporting.mutate()}>
          {t.settings.export}
        </Button>
      </div>
      {me.deletionAt ? (
        <Note look="warm" icon="clock">
          <div class="stack tight">
            <p>{t.settings.deletionAt(fullDay(me.deletionAt))}</p>
            <div class="row">
              <Button busy={restore.isPending} onClick={() => restore.mutate()}>
                {t.settings.restore}
              </Button>
            </div>
          </div>
        </Note>
      ) : (
        <div class="row">
          <Careful
            name={t.settings.delete}
            ask={t.settings.deleteAsk}
            confirm={t.settings.deleteConfirm}
            run={async () => update(await deleteMe(), t.settings.leaving)}
          />
        </div>
      )}
    </section>
  );
}

function Account() {
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
      <p class="soft">{session && t.settings.signedInAs(session.email)}</p>
      <div class="row">
        <Button look="quiet" onClick={async () => (await cognito()).signOut().then(left)}>
          {t.settings.signOut}
        </Button>
      </div>
      <div class="row">
        <Careful
          name={t.settings.signOutEverywhere}
          ask={t.settings.signOutEverywhereAsk}
          confirm={t.settings.signOutEverywhereConfirm}
          run={async () => (await cognito()).signOutEverywhere().then(left)}
        />
      </div>
    </section>
  );
}

export function SettingsPage() {
  const me = useQuery(meQuery());
  return (
    <div class="settings stack">
      <PageTitle title={t.settings.title} />
      {me.isPending && <Loading lines={1} />}
      <Failure error={me.error} retry={() => me.refetch()} />
      {me.data && <ProfileForm me={me.data} />}
      <Look />
      <Account />
      {me.data && <Data me={me.data} />}
    </div>
  );
}
