import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useLocation, useRoute } from "preact-iso";
import { editQuest, myQuestQuery } from "../../api/queries";
import type { QuestDraft, QuestEdit, QuestView } from "../../api/types";
import { lookUp, t } from "../../lib/text";
import { Button, ButtonLink } from "../../ui/Button";
import { announce, Failure, Loading, Note } from "../../ui/feedback";
import { useDraft, useErrors } from "../../ui/hooks";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { Preview } from "./Preview";
import { QuestFields } from "./QuestFields";
import { DRAFT_RULES, draftOf, fieldsOf, focusFirstError, problems, type Rules, type Values, valuesOf } from "./values";
import "./compose.css";

const editable = (quest: QuestView): QuestDraft => ({
  title: quest.title,
  description: quest.description,
  category: quest.category,
  tags: quest.tags,
  area: quest.area,
  rewardXp: quest.rewardXp,
  rewardReputation: quest.rewardReputation,
});

/** The fields that differ: absent ones stay as they are. */
export function changesOf(before: QuestDraft, after: QuestDraft): QuestEdit {
  const changed = Object.entries(after).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field as keyof QuestDraft]),
  );
  return Object.fromEntries(changed);
}

function EditForm({ quest }: { quest: QuestView }) {
  const client = useQueryClient();
  const { route } = useLocation();
  const before = editable(quest);
  const draft = useDraft<Values>(`edit.${quest.questId}.${quest.version}`, valuesOf(before));
  const { errors, setErrors, touched } = useErrors<Values>();
  const rules: Rules = {
    ...DRAFT_RULES,
    rewardXp: { ...DRAFT_RULES.rewardXp, minimum: quest.rewardXp },
    rewardReputation: { ...DRAFT_RULES.rewardReputation, minimum: quest.rewardReputation },
  };
  const save = useMutation({
    mutationFn: () => editQuest(quest.questId, changesOf(before, draftOf(draft.values))),
    onSuccess: (view) => {
      draft.clear();
      client.setQueryData(myQuestQuery(quest.questId).queryKey, view);
      client.invalidateQueries({ queryKey: ["quests"] });
      announce(t.action.edit.done);
      route(`/quests/${quest.questId}`, true);
    },
    onError: (error) => setErrors(fieldsOf(error)),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = problems(draft.values, rules);
    setErrors(found);
    if (Object.keys(found).length > 0) focusFirstError(event.currentTarget as HTMLElement);
    else if (!save.isPending) save.mutate();
  };
  return (
    <div class="compose">
      <form class="stack" onSubmit={submit} noValidate>
        <ScreenTitle title={t.compose.editTitle} />
        <QuestFields
          values={draft.values}
          errors={errors}
          rules={rules}
          rewardHint={t.compose.onlyRise}
          onChange={(patch) => {
            draft.change(patch);
            touched(patch);
          }}
        />
        <Failure error={save.error} />
        <div class="row">
          <Button type="submit" busy={save.isPending}>
            {t.common.save}
          </Button>
          <ButtonLink variant="plain" href={`/quests/${quest.questId}`}>
            {t.common.cancel}
          </ButtonLink>
        </div>
      </form>
      <Preview values={draft.values} />
    </div>
  );
}

export function EditScreen() {
  const { params } = useRoute();
  const questId = params.questId ?? "";
  const { data, error, isPending, refetch } = useQuery(myQuestQuery(questId));
  if (isPending) return <Loading lines={1} />;
  if (!data) {
    return (
      <div class="stack">
        <ScreenTitle title={t.compose.editTitle} />
        <Failure error={error} retry={() => refetch()} />
      </div>
    );
  }
  const { allowed, code } = data.allowedActions.edit ?? {};
  if (allowed) return <EditForm key={questId} quest={data} />;
  return (
    <div class="stack">
      <ScreenTitle title={t.compose.editTitle} />
      <Note variant="warm">{lookUp(t.denial, code) ?? t.errors.notAllowed}</Note>
      <p>
        <ButtonLink variant="quiet" href={`/quests/${questId}`}>
          {t.nav.back}
        </ButtonLink>
      </p>
    </div>
  );
}
