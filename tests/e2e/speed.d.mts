import type { Browser, Page } from "@playwright/test";

export function slowdown(): number;
export function slowDown(page: Page): Promise<number>;
export function firstLoad(
  browser: Browser,
  url: string,
  runs?: number,
): Promise<{ text: number; card: number; shift: number }>;
