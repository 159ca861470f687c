/** Messages on a quest: questions that everybody reads, and what its two parties arrange between them. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/preact-query";
import { sendMessage } from "../../api/actions";
import { MessageDraft } from "../../api/limits.gen";
import { messagesQuery, myMessagesQuery } from "../../api/lists";
import { ApiError } from "../../api/problem";
import { myQuestQuery } from "../../api/queries";
import type { Audience, Message } from "../../api/types";
import { idempotencyKey, withNext } from "../../lib/ids";
import { lookUp, t } from "../../lib/text";
import { check } from "../../lib/validate";
import { Button, ButtonLink } from "../../ui/Button";
import { TextArea } from "../../ui/Field";
import { announce, Failure, Note, ReadState } from "../../ui/feedback";
import { useDraft, useErrors, useSession } from "../../ui/hooks";
import { Person, Time } from "../../ui/quests";
import { ReportButton } from "../../ui/ReportButton";
import type { AnyQuest } from "./quest";

const TALKING: readonly string[] = ["CLAIMED", "SUBMITTED", "DISPUTED"];

/** The messages that the viewer may read, newest first; for visitors the public ones. */
export function useMessages(quest: AnyQuest) {
  const { session } = useSession();
  const live = quest.status === "OPEN" || TALKING.includes(quest.status);
  const own = useInfiniteQuery({ ...myMessagesQuery(quest.questId, live), enabled: !!session });
  const open = useInfiniteQuery({ ...messagesQuery(quest.questId, live), enabled: !session });
  return {
    query: session ? own : open,
    messages: ((session ? own : open).data?.pages ?? []).flatMap(({ items }): readonly Message[] => items),
    mayWrite: session ? own.data?.pages[0]?.mayWrite : undefined,
  };
}

function Bubble({ questId, message, viewerId }: { questId: string; message: Message; viewerId: string | undefined }) {
  const own = message.authorId === viewerId;
  return (
    <li class={own ? "bubble own" : "bubble"}>
      <p class="small soft row">
        <Person userId={message.authorId} you={own} /> <Time at={message.createdAt} />
      </p>
      {message.removed ? (
        <p class="soft">{t.thread.removed[message.removed]}</p>
      ) : (
        <>
          <p class="plain-text">{message.text}</p>
          <ReportButton
            subject={{ kind: "message", questId, messageId: message.messageId }}
            ownerId={message.authorId}
          />
        </>
      )}
    </li>
  );
}

interface WriteProps {
  questId: string;
  audience: Audience;
  label: string;
  /** The reason why the viewer may not write any more; what they had begun stays in sight. */
  denied: string | undefined;
}

function Write({ questId, audience, label, denied }: WriteProps) {
  const client = useQueryClient();
  const draft = useDraft(`message.${audience}.${questId}`, { text: "", key: idempotencyKey() });
  const { errors, setErrors, touched } = useErrors<{ text: string }>();
  const send = useMutation({
    mutationFn: () => sendMessage(questId, { text: draft.values.text.trim(), audience }, draft.values.key),
    onSuccess: () => {
      draft.clear({ text: "", key: idempotencyKey() });
      announce(t.thread.sent);
      client.invalidateQueries({ queryKey: ["me", "messages", questId] });
      client.invalidateQueries({ queryKey: ["me", "turn"] });
      client.invalidateQueries({ queryKey: ["me", "quest", questId] });
    },
    onError: (error) => {
      setErrors(error instanceof ApiError ? error.fields : {});
      // The quest may have moved on under the member's hands.
      client.invalidateQueries({ queryKey: ["me", "messages", questId] });
      client.invalidateQueries({ queryKey: myQuestQuery(questId).queryKey });
    },
  });
  if (denied !== undefined) {
    return draft.values.text.trim() ? (
      <Note variant="warm">
        <p>
          {t.thread.notSent} {denied}
        </p>
        <p class="plain-text">{draft.values.text}</p>
      </Note>
    ) : null;
  }
  const submit = (event: Event) => {
    event.preventDefault();
    const found = check({ text: draft.values.text }, MessageDraft);
    setErrors(found);
    if (Object.keys(found).length === 0 && !send.isPending) send.mutate();
  };
  return (
    <form class="stack tight" onSubmit={submit} noValidate>
      {/* Another text is another message, the same one sent twice is one. */}
      <TextArea
        label={label}
        rule={MessageDraft.text}
        value={draft.values.text}
        error={errors.text}
        onValue={(text) => {
          draft.change({ text, key: idempotencyKey() });
          touched({ text });
        }}
      />
      <Failure error={send.error} />
      <div class="row">
        <Button type="submit" variant="quiet" busy={send.isPending}>
          {t.thread.send}
        </Button>
      </div>
    </form>
  );
}

function Bubbles({ questId, messages, label }: { questId: string; messages: readonly Message[]; label: string }) {
  const { session } = useSession();
  return (
    <div role="log" aria-label={label}>
      <ol class="bubbles">
        {[...messages].reverse().map((message) => (
          <Bubble key={message.messageId} questId={questId} message={message} viewerId={session?.userId} />
        ))}
      </ol>
    </div>
  );
}

export function Thread({ quest, audience }: { quest: AnyQuest; audience: Audience }) {
  const { session } = useSession();
  const { query, messages, mayWrite } = useMessages(quest);
  const found = messages.filter((message) => message.audience === audience);
  const text = t.thread[audience];
  // What an earlier performer wrote is another conversation.
  const [current, former] = [true, false].map((now) =>
    found.filter(({ performerId }) => (audience === "public" || performerId === quest.performerId) === now),
  ) as [Message[], Message[]];
  const verdict = mayWrite?.[audience];
  const expected = audience === "private" && !!quest.role && TALKING.includes(quest.status);
  // A requestor answers; what they want to add before anybody asks belongs into the quest.
  const asks = audience === "public" && quest.role !== "requestor";
  const writes = verdict?.allowed && (audience === "private" || asks || found.length > 0);
  const visitorAsks = audience === "public" && !session && quest.status === "OPEN";
  if (found.length === 0 && !writes && !visitorAsks && !(expected && query.isPending)) {
    return <Write questId={quest.questId} audience={audience} label="" denied={deniedText(verdict?.code)} />;
  }
  return (
    <section class="thread stack tight" aria-labelledby={`thread-${audience}`}>
      <h2 id={`thread-${audience}`}>{text.title}</h2>
      <p class="small soft">{text.readers}</p>
      {/* As high as the sentence that mostly comes in its place: the layout does not shift. */}
      {query.isPending && (
        <p class="soft" aria-busy="true">
          {t.common.loading}
        </p>
      )}
      <ReadState query={query} />
      {query.hasNextPage && (
        <p class="row">
          <Button variant="plain" busy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            {t.thread.earlier}
          </Button>
        </p>
      )}
      {former.length > 0 && (
        <details>
          <summary>{t.thread.former}</summary>
          <Bubbles questId={quest.questId} messages={former} label={t.thread.former} />
        </details>
      )}
      {query.data && current.length === 0 && <p class="soft">{text.empty}</p>}
      {current.length > 0 && <Bubbles questId={quest.questId} messages={current} label={text.title} />}
      {visitorAsks ? (
        <p class="row">
          <ButtonLink variant="quiet" href={withNext("/sign-in", `/quests/${quest.questId}`)}>
            {t.thread.signIn}
          </ButtonLink>
        </p>
      ) : (
        query.data && (
          <Write
            questId={quest.questId}
            audience={audience}
            label={audience === "private" ? t.thread.message : asks ? t.thread.question : t.thread.answer}
            denied={writes ? undefined : deniedText(verdict?.code)}
          />
        )
      )}
    </section>
  );
}

const deniedText = (code: string | null | undefined): string => lookUp(t.denial, code) ?? t.errors.notAllowed;
