import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { useLocation } from "preact-iso";
import { createQuest } from "../../api/actions";
import { Draft, xpPerPoint } from "../../api/limits.gen";
import { meQuery, myQuestQuery } from "../../api/queries";
import { idempotencyKey } from "../../lib/ids";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ConfirmButton } from "../../ui/ConfirmButton";
import { announce, Failure, Note } from "../../ui/feedback";
import { useDraft, useErrors } from "../../ui/hooks";
import { ScreenTitle } from "../../ui/ScreenTitle";
import { Preview } from "./Preview";
import { QuestFields } from "./QuestFields";
import { DRAFT_RULES, draftOf, fieldsOf, focusFirstError, problems, type Values } from "./values";
import "./compose.css";

const BLANK: Values = {
  title: "",
  description: "",
  category: "",
  tags: "",
  area: "",
  start: "",
  end: "",
  minutes: String(Draft.minutes.default),
  meetingPoint: "",
  rewardXp: String(Draft.rewardXp.default),
  rewardReputation: String(Draft.rewardReputation.default),
};

export function CreateScreen() {
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
    },
    onError: (error) => setErrors(fieldsOf(error)),
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = problems(draft.values, DRAFT_RULES);
    setErrors(found);
    if (Object.keys(found).length > 0) focusFirstError(event.currentTarget as HTMLElement);
    else if (!post.isPending && !post.isSuccess) {
      // Only while this screen is shown: nobody is taken away from where they have gone meanwhile.
      post.mutate(undefined, {
        onSuccess: (quest) => {
          announce(t.compose.posted);
          route(`/quests/${quest.questId}`, true);
        },
      });
    }
  };
  const discard = () => {
    draft.clear();
    setErrors({});
  };
  const points = me.data?.points;
  const questCost = Math.ceil((Number(draft.values.rewardXp) || xpPerPoint) / xpPerPoint);
  return (
    <div class="compose">
      <form class="stack" onSubmit={submit} noValidate>
        <ScreenTitle title={t.compose.newTitle} />
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
            {t.compose.cost({ count: questCost })}{" "}
            {points >= questCost && t.compose.left({ count: points - questCost })}
          </Note>
        )}
        {Object.keys(errors).length > 0 && <p class="small">{t.form.fix}</p>}
        <Failure error={post.error} />
        <div class="row">
          <Button
            type="submit"
            busy={post.isPending}
            disabledReason={
              points !== undefined && points < questCost ? t.compose.tooFewPoints({ count: questCost }) : undefined
            }
          >
            {t.compose.post}
          </Button>
          <ConfirmButton
            variant="plain"
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
