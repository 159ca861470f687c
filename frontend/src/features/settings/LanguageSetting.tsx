import { useMutation } from "@tanstack/preact-query";
import { editMe } from "../../api/actions";
import { meQuery, queryClient } from "../../api/queries";
import { chooseLanguage, LANGUAGE_NAMES, LANGUAGES, type Language, t } from "../../lib/text";
import { Choices } from "../../ui/Field";
import { Failure } from "../../ui/feedback";
import { useLanguage } from "../../ui/hooks";

export function LanguageSetting() {
  const language = useLanguage();
  const choose = useMutation({
    mutationFn: async (next: Language) => {
      await chooseLanguage(next);
      // Mails are written in it too.
      queryClient.setQueryData(meQuery().queryKey, await editMe({ language: next }));
    },
  });
  return (
    <section class="panel stack">
      <Choices
        legend={t.settings.language}
        value={language}
        options={LANGUAGES.map(
          (name) =>
            [
              name,
              <span lang={name} key={name}>
                {LANGUAGE_NAMES[name]}
              </span>,
            ] as const,
        )}
        onValue={(name) => choose.mutate(name)}
      />
      <Failure error={choose.error} />
    </section>
  );
}
