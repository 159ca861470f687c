import type { ComponentChildren } from "preact";
import { t } from "../../lib/text";
import { Note } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";

/** The API decides; this only spares others a refusal. */
export function ModeratorsOnly({ children }: { children: ComponentChildren }) {
  const { session } = useSession();
  if (session?.groups.includes("moderators")) return children;
  return <Note>{t.moderation.only}</Note>;
}
