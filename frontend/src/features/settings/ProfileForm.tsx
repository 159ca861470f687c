import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { editMe } from "../../api/actions";
import { Profile } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { meQuery } from "../../api/queries";
import type { Me, ProfileEdit } from "../../api/types";
import { t } from "../../lib/text";
import { check, type FieldErrors } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Input, TextArea } from "../../ui/Field";
import { announce, Failure } from "../../ui/feedback";
import { useDraft, useErrors } from "../../ui/hooks";

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

export function ProfileForm({ me }: { me: Me }) {
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
  // The other fields have forms of their own; a new one is missing here by type.
  const body: Required<Omit<ProfileEdit, "language" | "mail">> = {
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
        hint={t.compose.tagsHint({ max: Profile.interests.maxItems })}
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
