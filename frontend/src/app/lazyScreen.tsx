import type { ComponentType, VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { loadScreenWords, t } from "../lib/text";
import { within } from "../lib/within";
import { Button } from "../ui/Button";
import { Seal } from "../ui/icons";
import { ScreenTitle } from "../ui/ScreenTitle";

/** Shown where a screen's code did not come. */
function ScreenFailure({ retry }: { retry: () => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  const again = () => {
    setBusy(true);
    retry().finally(() => setBusy(false));
  };
  return (
    <div class="empty" role="alert">
      <Seal />
      <ScreenTitle title={t.errors.screenTitle} />
      <p>{t.errors.screen}</p>
      <div class="row">
        <Button busy={busy} onClick={again}>
          {t.common.retry}
        </Button>
        <Button variant="plain" onClick={() => location.reload()}>
          {t.errors.reload}
        </Button>
      </div>
    </div>
  );
}

/**
 * A screen whose code loads when it is first shown. Unlike preact-iso's `lazy`, which keeps a rejected promise, one that
 * did not load in time says so and loads on request; one that comes after all is shown.
 */
export function lazyScreen(load: () => Promise<ComponentType>): ComponentType {
  let Screen: ComponentType | undefined;
  let pending: Promise<void> | undefined;
  let failed = false;
  const start = () => {
    const loading = Promise.all([load(), loadScreenWords()]).then(([component]) => {
      Screen = component;
    });
    pending = within(loading)
      .catch(() => undefined)
      .then(() => {
        failed = !Screen;
        pending = undefined;
      });
    return pending;
  };
  return function LazyScreen(): VNode {
    const [, update] = useState({});
    const waiting = useRef(false);
    if (Screen) return <Screen />;
    if (failed) return <ScreenFailure retry={() => start().then(() => update({}))} />;
    const loading = pending ?? start();
    if (!waiting.current) {
      waiting.current = true;
      loading.then(() => update({}));
    }
    // Caught by the router, which shows the screen before until the promise is settled.
    throw loading;
  };
}
