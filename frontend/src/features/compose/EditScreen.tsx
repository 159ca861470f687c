import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useRef } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { editQuest } from "../../api/actions";
import { Draft } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { myQuestQuery } from "../../api/queries";
import type { QuestDraft, QuestEdit, QuestView } from "../../api/types";
import { lookUp, t } from "../../lib/text";
import { instant, localTime } from "../../lib/time";
import { Button, ButtonLink } from "../../ui/Button";
import { announce, Failure, Loading, Note, ReadState } from "../../ui/feedback";
import { Happened } from "../../ui/Happened";
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
  // As the form can say it: to the minute. What it cannot say is no change.
  when: quest.when ? { start: instant(localTime(quest.when.start)), end: instant(localTime(quest.when.end)) } : null,
  minutes: quest.minutes ?? Draft.minutes.default,
  meetingPoint: quest.meetingPoint ?? "",
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
    },
    onError: (error) => {
      setErrors(fieldsOf(error));
      if (error instanceof ApiError && [403, 404, 409].includes(error.status)) {
        client.invalidateQueries({ queryKey: ["me", "quest", quest.questId] });
      }
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = problems(draft.values, rules);
    setErrors(found);
    if (Object.keys(found).length > 0) focusFirstError(event.currentTarget as HTMLElement);
    else if (!save.isPending) {
      save.mutate(undefined, {
        onSuccess: () => {
          announce(t.action.edit.done);
          route(`/quests/${quest.questId}`, true);
        },
      });
    }
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

/** In place of the form: why the quest cannot be edited, or not any more, and the way back to it. */
function NotEditable({ before, quest }: { before: QuestView | undefined; quest: QuestView }) {
  const { code } = quest.allowedActions.edit ?? {};
  return (
    <div class="stack">
      <ScreenTitle title={t.compose.editTitle} />
      <div role="alert">
        <Note variant="warm">
          {before ? <Happened before={before} after={quest} /> : (lookUp(t.denial, code) ?? t.errors.notAllowed)}
        </Note>
      </div>
      <p>
        <ButtonLink variant="quiet" href={`/quests/${quest.questId}`}>
          {t.quest.toQuest}
        </ButtonLink>
      </p>
    </div>
  );
}

export function EditScreen() {
  const { params } = useRoute();
  const questId = params.questId ?? "";
  const query = useQuery(myQuestQuery(questId));
  const { data, isPending } = query;
  // The quest as it was when the form began: what the member writes belongs to it, whatever is read meanwhile.
  const begun = useRef<QuestView>();
  const editable = data?.allowedActions.edit?.allowed;
  if (editable && !begun.current) begun.current = data;
  if (isPending) return <Loading lines={1} />;
  if (!data) {
    return (
      <div class="stack">
        <ScreenTitle title={t.compose.editTitle} />
        <ReadState query={query} />
      </div>
    );
  }
  if (!editable || !begun.current) return <NotEditable before={begun.current} quest={data} />;
  return <EditForm key={questId} quest={begun.current} />;
}
