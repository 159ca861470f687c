import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { editMe } from "../../api/actions";
import { Category, Profile, welcomePoints } from "../../api/limits.gen";
import { meQuery } from "../../api/queries";
import { sameSitePath } from "../../lib/ids";
import { language, t } from "../../lib/text";
import { check } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Input } from "../../ui/Field";
import { Failure, Loading } from "../../ui/feedback";
import { useErrors } from "../../ui/hooks";
import { Seal } from "../../ui/icons";
import { AuthForm } from "./AuthForm";

export function WelcomeScreen() {
  const { query, route } = useLocation();
  const next = sameSitePath(query.next);
  const client = useQueryClient();
  const me = useQuery(meQuery());
  // Whoever has changed anything is not new: has just said their name, or has gone back here.
  const welcomed = me.data && me.data.updatedAt !== me.data.createdAt;
  useEffect(() => {
    if (welcomed) route(next, true);
  }, [welcomed]);
  const [displayName, setName] = useState("");
  const [interests, setInterests] = useState<string[]>([]);
  const { errors, setErrors, touched } = useErrors<{ displayName: string }>();
  const save = useMutation({
    mutationFn: () => editMe({ displayName: displayName.trim(), interests, language: language() }),
    onSuccess: (saved) => client.setQueryData(meQuery().queryKey, saved),
  });
  const submit = () => {
    const found = check({ displayName }, Profile);
    setErrors(found);
    if (!found.displayName && !save.isPending) save.mutate();
  };
  const toggle = (name: string) =>
    setInterests(interests.includes(name) ? interests.filter((other) => other !== name) : [...interests, name]);
  if (me.isPending || welcomed) return <Loading lines={1} />;
  const points = me.data?.points ?? welcomePoints;
  return (
    <AuthForm title={t.auth.welcomeTitle} onSubmit={submit}>
      <div class="gift">
        <Seal requestor performer />
        <div>
          <p class="display">{t.auth.welcomePoints({ count: points })}</p>
          <p class="small">{points < welcomePoints ? t.auth.welcomeBack : t.auth.welcomeText}</p>
        </div>
      </div>
      <Input
        label={t.auth.welcomeName}
        hint={t.settings.nameHint}
        autocomplete="nickname"
        value={displayName}
        error={errors.displayName}
        onValue={(typed) => {
          setName(typed);
          touched({ displayName: typed });
        }}
      />
      <fieldset class="field">
        <legend class="legend">
          {t.auth.welcomeInterests} <span class="small soft">{t.common.optional}</span>
        </legend>
        <div class="choices">
          {Category.filter((category) => category !== "other").map((category) => (
            <label class="choice" key={category}>
              <input type="checkbox" checked={interests.includes(category)} onChange={() => toggle(category)} />
              <span>{t.category[category]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Failure error={save.error} />
      <Button type="submit" busy={save.isPending}>
        {t.auth.welcomeDone}
      </Button>
    </AuthForm>
  );
}
