/** Initials in a colour of the member's own: the same everywhere, whatever their name becomes. */

const letters = (text: string): string[] =>
  typeof Intl.Segmenter === "function"
    ? Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
    : [...text];

/** The first letters of the first and the last word; of a single word one. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => /[\p{L}\p{N}\p{S}]/u.test(word));
  const first = (word: string | undefined) => letters(word ?? "")[0] ?? "";
  const last = words.length > 1 ? words.at(-1) : undefined;
  return (first(words[0]) + first(last)).toLocaleUpperCase();
}

/** A hue in degrees from the member's id (FNV-1a, 32 bits). */
export function hueOf(userId: string): number {
  let hash = 0x811c9dc5;
  for (const character of userId) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % 360;
}

export function Avatar({ userId, name, large }: { userId: string; name: string | undefined; large?: boolean }) {
  return (
    <span
      class={large ? "avatar large" : "avatar"}
      aria-hidden="true"
      style={{ "--hue": String(hueOf(userId)) } as Record<string, string>}
    >
      {initialsOf(name ?? "")}
    </span>
  );
}
