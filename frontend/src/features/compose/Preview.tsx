import { t } from "../../lib/text";
import { QuestTicket } from "../../ui/quests";
import { draftOf, type Values } from "./values";

export function Preview({ values }: { values: Values }) {
  const draft = draftOf(values);
  return (
    <section class="preview stack" aria-labelledby="preview">
      <h2 id="preview">{t.compose.preview}</h2>
      <QuestTicket
        preview
        quest={{
          ...draft,
          category: values.category || undefined,
          questId: "",
          title: draft.title || t.compose.untitled,
          status: "OPEN",
          createdAt: new Date().toISOString(),
        }}
      />
      <p class="small soft">{t.compose.previewNote}</p>
    </section>
  );
}
