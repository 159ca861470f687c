import { recall, remember } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const currentTheme = (): Theme => recall<Theme>("theme") ?? "system";

/** Shows the stored theme, or stores and shows `theme`. "system" leaves the choice to the media query. */
export function applyTheme(theme: Theme = currentTheme()): void {
  remember("theme", theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
