import { useState } from "preact/hooks";
import { t } from "../../lib/text";
import { applyTheme, currentTheme, THEMES } from "../../lib/theme";
import { Choices } from "../../ui/Field";

export function ThemeSetting() {
  const [theme, setTheme] = useState(currentTheme());
  return (
    <section class="panel stack">
      <Choices
        legend={t.settings.theme}
        value={theme}
        options={THEMES.map((name) => [name, t.settings.themes[name]] as const)}
        onValue={(name) => {
          setTheme(name);
          applyTheme(name);
        }}
      />
    </section>
  );
}
