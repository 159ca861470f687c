import type { Profile } from "../../api/types";
import { t } from "../../lib/text";
import { Person, Time } from "../../ui/quests";

/** The thanks that members wrote when they confirmed this one's work, and wanted to be shown. */
export function ThanksList({ thanks }: { thanks: NonNullable<Profile["thanks"]> }) {
  if (thanks.length === 0) return null;
  return (
    <section class="stack" aria-labelledby="thanks">
      <h2 id="thanks">{t.person.thanks}</h2>
      <ul class="thanks-list">
        {thanks.map(({ userId, questId, questTitle, text, at }) => (
          <li class="panel stack tight" key={questId}>
            <blockquote class="plain-text" dir="auto">
              {text}
            </blockquote>
            <p class="small soft row">
              <Person userId={userId} />
              <a href={`/quests/${questId}`} dir="auto">
                {questTitle}
              </a>
              <Time at={at} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
