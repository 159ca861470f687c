import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { Note } from "../../ui/feedback";
import { Happened } from "../../ui/Happened";
import { draftOf } from "../../ui/hooks";
import type { ActionInput, FormAction } from "./actions";
import { ChangedTerms } from "./ChangedTerms";

/** An action that came too late, and the quest as the member saw it when they began. */
export interface Moved {
  action: FormAction;
  before: QuestView;
  /** The fields that were edited meanwhile. */
  changed: readonly string[];
}

/** The change that happened instead, with the words that the member had written: they may be wanted elsewhere. */
export function MovedNote({ moved, after }: { moved: Moved; after: QuestView }) {
  const { action, before, changed } = moved;
  const written = draftOf<ActionInput>(`${action}.${before.questId}`)?.text;
  return (
    <div role="alert">
      <Note variant="warm">
        {action === "claim" && after.status === "CLAIMED" && <p>{t.quest.taken}</p>}
        <Happened before={before} after={after} />
        <ChangedTerms before={before} after={after} changed={changed} />
        {written && (
          <details>
            <summary>{t.quest.whatYouWrote}</summary>
            <p class="plain-text">{written}</p>
          </details>
        )}
      </Note>
    </div>
  );
}
