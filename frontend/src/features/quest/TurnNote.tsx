import type { QuestView } from "../../api/types";
import { t } from "../../lib/text";
import { needOf, Until } from "../../ui/turns";

/** The turn and its deadline, or the end of the viewer's own part in it and the reason. */
export function TurnNote({ view }: { view: QuestView }) {
  const last = view.role ? undefined : view.former?.at(-1);
  // Who gave it back knows that.
  const ended = last?.how === "released" ? undefined : last;
  const whose = view.role ?? (view.turn?.moderators ? "moderator" : undefined);
  if (ended) {
    return (
      <div class="turn">
        <p class="ask">{t.mine.former[ended.how]}</p>
        {ended.reason && <p class="plain-text">{ended.reason}</p>}
      </div>
    );
  }
  if (!view.turn || !whose) return null;
  return (
    <div class={view.turn.yours ? "turn" : "turn theirs"}>
      <p class="ask">{needOf({ ...view, former: null }, whose)}</p>
      <p class="small soft">
        <Until turn={view.turn} />
      </p>
    </div>
  );
}
