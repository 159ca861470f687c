import { useQuery } from "@tanstack/preact-query";
import { useEffect } from "preact/hooks";
import { meQuery } from "../api/queries";
import { chosenLanguage, LANGUAGES, language, showLanguage } from "../lib/text";
import { useSession } from "../ui/hooks";

/**
 * Shows the language of the member's profile on a device where none was chosen. English is what a profile has that never
 * said anything: then the browser's language stays.
 */
export function ProfileLanguage() {
  const { session } = useSession();
  const { data } = useQuery({ ...meQuery(), enabled: !!session });
  const wanted = LANGUAGES.find((name) => name === data?.language);
  useEffect(() => {
    if (wanted && wanted !== "en" && !chosenLanguage() && wanted !== language())
      showLanguage(wanted).catch(() => undefined);
  }, [wanted]);
  return null;
}
