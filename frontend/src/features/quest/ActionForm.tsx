import { useMutation, useQueryClient } from "@tanstack/preact-query";
import { useRef } from "preact/hooks";
import { Outcome } from "../../api/limits.gen";
import { ApiError } from "../../api/problem";
import { myQuestQuery } from "../../api/queries";
import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { check, type FieldErrors } from "../../lib/validate";
import { Button } from "../../ui/Button";
import { Choices, TextArea } from "../../ui/Field";
import { announce, Failure } from "../../ui/feedback";
import { happeningOf } from "../../ui/Happened";
import { useDraft, useErrors, useFocus } from "../../ui/hooks";
import { type ActionInput, type FormAction, OFFERS } from "./actions";

interface Props {
  quest: QuestView;
  action: FormAction;
  onClose: () => void;
  /** The action is done; the quest's next view is the member's own doing. */
  onActed: () => void;
  /** The quest had moved on before the action arrived; `before` is what the member acted on. */
  onMoved: (before: QuestView, changed: readonly string[]) => void;
}

/** The one question, or the few words, between an action's button and its effect. */
export function ActionForm({ quest, action, onClose, onActed, onMoved }: Props) {
  const offer = OFFERS[action];
  const text: { ask: string; confirm: string; done: string; label?: string; hint?: string } = t.action[action];
  // A performer may go without a word; whoever takes the quest from them owes them a reason.
  const rule = action === "release" && quest.role === "performer" ? { ...offer.text, minLength: 0 } : offer.text;
  const draft = useDraft<ActionInput>(`${action}.${quest.questId}`, {
    // Changes are made to what was handed in before.
    text: (action === "submit" && quest.submission) || "",
    // Nothing is chosen beforehand: a decision is the moderator's own.
    outcome: undefined,
    thanks: true,
  });
  // What the requestor writes may be shown on the profile of who helped.
  const thankful = action === "attest" && quest.role === "requestor";
  const { current: seen } = useRef(quest);
  const { errors, setErrors, touched } = useErrors<ActionInput>();
  const client = useQueryClient();
  const heading = useFocus<HTMLHeadingElement>();
  const mutation = useMutation({
    mutationFn: () =>
      offer.run(
        quest.questId,
        { ...draft.values, text: draft.values.text.trim(), thanks: draft.values.thanks && thankful },
        seen.version,
      ),
    onSuccess: (view) => {
      onActed();
      client.setQueryData(myQuestQuery(quest.questId).queryKey, view);
      client.invalidateQueries({ queryKey: ["me"] });
      client.invalidateQueries({ queryKey: ["quests"] });
      draft.clear();
    },
    onError: async (error) => {
      if (!(error instanceof ApiError) || ![403, 404, 409].includes(error.status)) return;
      const now = await client.fetchQuery({ ...myQuestQuery(quest.questId), staleTime: 0 }).catch(() => undefined);
      if (now && happeningOf(seen, now)) onMoved(seen, error.problem.changed ?? []);
    },
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const found: FieldErrors<ActionInput> = {
      ...(rule && check({ text: draft.values.text }, { text: rule })),
      ...(action === "resolve" && !draft.values.outcome && { outcome: t.form.choose }),
    };
    setErrors(found);
    if (Object.keys(found).length === 0 && !mutation.isPending) {
      mutation.mutate(undefined, {
        onSuccess: () => {
          announce(text.done);
          onClose();
        },
      });
    }
  };
  const leave = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
  };
  return (
    <form class="panel stack" onSubmit={submit} onKeyDown={leave} noValidate>
      <h2 ref={heading} tabIndex={-1}>
        {t.action[action].name}
      </h2>
      <p>{text.ask}</p>
      {action === "resolve" && (
        <Choices
          legend={t.action.resolve.outcome}
          value={draft.values.outcome}
          error={errors.outcome}
          options={Outcome.map((outcome) => [outcome, t.action.resolve.outcomes[outcome]] as const)}
          onValue={(outcome) => {
            draft.change({ outcome });
            touched({ outcome });
          }}
        />
      )}
      {rule && (
        <TextArea
          label={text.label ?? ""}
          hint={text.hint}
          rule={rule}
          optional={!rule.minLength}
          value={draft.values.text}
          error={errors.text}
          onValue={(words) => {
            draft.change({ text: words });
            touched({ text: words });
          }}
        />
      )}
      {thankful && draft.values.text.trim() && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.values.thanks}
            onChange={(event) => draft.change({ thanks: event.currentTarget.checked })}
          />{" "}
          {t.action.attest.thanks}
        </label>
      )}
      <Failure error={mutation.error} />
      <div class="row">
        <Button type="submit" variant={offer.variant === "danger" ? "danger" : "primary"} busy={mutation.isPending}>
          {text.confirm}
        </Button>
        <Button variant="plain" onClick={onClose}>
          {t.common.cancel}
        </Button>
      </div>
      {rule && draft.values.text && <p class="small soft">{t.form.draftKept}</p>}
    </form>
  );
}
