import { t } from "../lib/text";
import { ButtonLink } from "./Button";
import { Seal } from "./icons";
import { PageTitle } from "./PageTitle";

export function NotFoundPage() {
  return (
    <div class="empty">
      <Seal />
      <PageTitle title={t.notFound.title} />
      <p>{t.notFound.text}</p>
      <ButtonLink href="/">{t.notFound.home}</ButtonLink>
    </div>
  );
}
