import { useState } from "preact/hooks";
import { t } from "../lib/text";

/** Says whether the next screen is on its way. Not a state of the router's parent: a render would drop the screen before. */
export let setLoading: (loading: boolean) => void = () => undefined;

/** Shows nothing for what does not take long (shell.css delays it). */
export function LoadingBar() {
  const [loading, set] = useState(false);
  setLoading = set;
  return (
    <div class="loading-bar" role="status" data-loading={loading}>
      {loading && <span class="visually-hidden">{t.common.loading}</span>}
    </div>
  );
}
