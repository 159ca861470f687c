import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useLocation, useRoute } from "preact-iso";
import { Draft } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { createQuest, editQuest, meQuery, myQuestQuery } from "../../api/queries";
import type { QuestDraft, QuestEdit, QuestView } from "../../api/types";
import { idempotencyKey } from "../../lib/ids";
import { t } from "../../lib/text";
import { check, type FieldErrors } from "../../lib/validate";
import { Button, ButtonLink } from "../../ui/Button";
import { Careful } from "../../ui/Careful";
import { announce, Failure, Loading, Note } from "../../ui/feedback";
import { useDraft, useErrors } from "../../ui/hooks";
import { PageTitle } from "../../ui/PageTitle";
import { DRAFT_RULES, draftOf, Preview, QuestFields, type Rules, type Values, valuesOf } from "./QuestForm";
import "./compose.css";

const BLANK: Values = {
  title: "",
  description: "",
  category: "",
  tags: "",
  area: "",
  rewardXp: String(Draft.rewardXp.default),
  rewardReputation: String(Draft.rewardReputation.default),
};

/** What posting costs; the ledger's rule (services/core/domain/ledger.py, QUEST_COST) and part of the texts. */
const COST = 1;

function problems(values: Values, rules: Rules): FieldErrors<Values> {
  const errors = check(draftOf(values), rules) as FieldErrors<Values>;
  return values.category ? errors : { ...errors, category: t.form.required };
}

const fieldsOf = (error: unknown): FieldErrors<Values> => (error instanceof ApiError ? error.fields : {});

/** Takes the member to the first field that needs another look. */
function focusFirstError(form: HTMLElement): void {
  setTimeout(() => form.querySelector<HTMLElement>(".field:has(> .error) :is(input, textarea)")?.focus());
}

export function CreatePage() {
  const client = useQueryClient();
  const { route } = useLocation();
  const me = useQuery(meQuery());
  const draft = useDraft<Values & { key: string }>("create", { ...BLANK, key: idempotencyKey() });
  const { errors, setErrors, touched } = useErrors<Values>();
  const post = useMutation({
    mutationFn: () => createQuest(draftOf(draft.values), draft.values.key),
    onSuccess: (quest) => {
      draft.clear();
      client.setQueryData(myQuestQuery(quest.questId).queryKey, quest);
      client.invalidateQueries({ queryKey: ["me"] });
      client.invalidateQueries({ queryKey: ["quests"] });
      announce(t.compose.posted);
      route(`/quests/${quest.questId}`, true);
    },
    onError: (error) => setErrors(fieldsOf(error)),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = problems(draft.values, DRAFT_RULES);
    setErrors(found);
    if (Object.keys(found).length > 0) focusFirstError(event.currentTarget as HTMLElement);
    else if (!post.isPending && !post.isSuccess) post.mutate();
  };
  const discard = () => {
    draft.clear();
    setErrors({});
  };
  const points = me.data?.points;
  return (
    <div class="compose">
      <form class="stack" onSubmit={submit} noValidate>
        <PageTitle title={t.compose.newTitle} />
        {/* Another text is another quest, the same text sent twice is one: the key changes with the text. */}
        <QuestFields
          values={draft.values}
          errors={errors}
          onChange={(patch) => {
            draft.change({ ...patch, key: idempotencyKey() });
            touched(patch);
          }}
        />
        {points !== undefined && (
          <Note icon="check">
            {t.compose.cost(points)} {points >= COST && t.compose.left(points - COST)}
          </Note>
        )}
        {Object.keys(errors).length > 0 && <p class="small">{t.form.fix}</p>}
        <Failure error={post.error} />
        <div class="row">
          <Button type="submit" busy={post.isPending} denied={points === 0 ? t.errors.noPoints : undefined}>
            {t.compose.post}
          </Button>
          <Careful
            look="plain"
            name={t.compose.discard}
            ask={t.compose.discardAsk}
            confirm={t.compose.discardConfirm}
            run={discard}
          />
        </div>
        <p class="small soft">{t.form.draftKept}</p>
      </form>
      <Preview values={draft.values} />
    </div>
  );
}

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
        <PageTitle title={t.compose.editTitle} />
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
          <ButtonLink look="plain" href={`/quests/${quest.questId}`}>
            {t.common.cancel}
          </ButtonLink>
        </div>
      </form>
      <Preview values={draft.values} />
    </div>
  );
}

export function EditPage() {
  const { params } = useRoute();
  const questId = params.questId ?? "";
  const { data, error, isPending, refetch } = useQuery(myQuestQuery(questId));
  if (isPending) return <Loading lines={1} />;
  if (!data) {
    return (
      <div class="stack">
        <PageTitle title={t.compose.editTitle} />
        <Failure error={error} retry={() => refetch()} />
      </div>
    );
  }
  const { allowed, code } = data.allowedActions.edit ?? {};
  if (allowed) return <EditForm key={questId} quest={data} />;
  return (
    <div class="stack">
      <PageTitle title={t.compose.editTitle} />
      <Note look="warm">{(code && t.denial[code]) ?? t.errors.notAllowed}</Note>
      <p>
        <ButtonLink look="quiet" href={`/quests/${questId}`}>
          {t.nav.back}
        </ButtonLink>
      </p>
    </div>
  );
}
