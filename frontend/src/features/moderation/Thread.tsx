import { useQuery } from "@tanstack/preact-query";
import { threadQuery } from "../../api/safety";
import { t } from "../../lib/text";
import { ReadState } from "../../ui/feedback";
import { Person, Time } from "../../ui/quests";

/** The messages on the reported quest that a moderator may read, the oldest first. */
export function Thread({ questId, messageId }: { questId: string; messageId: string | undefined }) {
  const query = useQuery(threadQuery(questId));
  const messages = [...(query.data?.items ?? [])].reverse();
  return (
    <section class="stack tight">
      <h2>{t.moderation.thread}</h2>
      <ReadState query={query} />
      {query.data && messages.length === 0 && <p class="soft">{t.moderation.noThread}</p>}
      <ol class="thread-list">
        {messages.map((message) => (
          <li key={message.messageId} class={message.messageId === messageId ? "is-reported" : undefined}>
            <p class="row small">
              <Person userId={message.authorId} /> <Time at={message.createdAt} />
              {message.messageId === messageId && <span class="pill">{t.moderation.reportedMessage}</span>}
            </p>
            <p class="plain-text" dir="auto">
              {message.text ?? t.moderation.removed}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
