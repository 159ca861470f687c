import { t } from "../lib/text";
import { ButtonLink } from "./Button";
import { Seal } from "./icons";
import { ScreenTitle } from "./ScreenTitle";

export function NotFoundScreen() {
  return (
    <div class="empty">
      <Seal />
      <ScreenTitle title={t.notFound.title} />
      <p>{t.notFound.text}</p>
      <ButtonLink href="/">{t.notFound.home}</ButtonLink>
    </div>
  );
}
