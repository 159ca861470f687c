import { useState } from "preact/hooks";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { announce } from "../../ui/feedback";

/** Gives the quest's address to another app of the device; where the device offers none, to the clipboard. */
export function ShareButton({ questId, title }: { questId: string; title: string }) {
  const [failed, setFailed] = useState(false);
  const url = `${location.origin}/quests/${questId}`;
  const share = async () => {
    setFailed(false);
    try {
      if (navigator.share) await navigator.share({ title, url });
      else {
        await navigator.clipboard.writeText(url);
        announce(t.quest.share.copied);
      }
    } catch (error) {
      // Whoever closes the device's sheet has changed their mind.
      if (!(error instanceof DOMException && error.name === "AbortError")) setFailed(true);
    }
  };
  return (
    <>
      <Button variant="quiet" onClick={share}>
        {t.quest.share.name}
      </Button>
      {failed && (
        <p class="small" role="alert">
          {t.quest.share.failed} <code>{url}</code>
        </p>
      )}
    </>
  );
}
