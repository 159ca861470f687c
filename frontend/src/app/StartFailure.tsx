import { t } from "../lib/text";
import { Button } from "../ui/Button";
import { Seal } from "../ui/icons";

/** Shown in place of everything when config.json cannot be read. */
export function StartFailure() {
  return (
    <main class="empty" role="alert">
      <Seal />
      <h1>{t.errors.startTitle}</h1>
      <p>{t.errors.start}</p>
      <Button onClick={() => location.reload()}>{t.errors.reload}</Button>
    </main>
  );
}
