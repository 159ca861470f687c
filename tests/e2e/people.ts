/** People for the journeys: each has a browser context of their own, and whatever goes wrong in it fails the test. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, test as base, expect, type Page } from "@playwright/test";
import { textOf } from "../../frontend/src/lib/text.ts";
import en from "../../frontend/src/words/en/index.ts";

export { expect };

export const t = textOf(en, "en");

/** Has an operator do what no member can: see operator.py. */
export const operator = (command: "breaker" | "forget" | "age" | "plenty", argument: string): void => {
  execFileSync(process.env.CIVICFORGE_PYTHON ?? "python3", ["-m", "tests.e2e.operator", command, argument], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
};

export const PASSWORD = "a long enough passphrase";

const SIZES = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
];
const SCHEMES = ["light", "dark"] as const;

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** The rules whose outcome depends on size and colours. */
const LOOKS = ["color-contrast", "target-size", "link-in-text-block"];

interface Mail {
  to: string;
  subject: string;
  body: string;
  html: string;
  code: string | null;
}

interface Quest {
  title: string;
  category?: keyof typeof t.category;
  description?: string;
}

/** Pictures of a mail for the eye, where SHOTS names a folder. */
export async function shotOf(browser: Browser, { html }: Mail, name: string): Promise<void> {
  if (!process.env.SHOTS) return;
  for (const colorScheme of SCHEMES) {
    for (const viewport of SIZES) {
      const context = await browser.newContext({ colorScheme, viewport });
      const page = await context.newPage();
      await page.setContent(html);
      await page.screenshot({
        path: `${process.env.SHOTS}/${name}-${colorScheme}-${viewport.width}.png`,
        fullPage: true,
      });
      await context.close();
    }
  }
}

/** One person at one device. */
export class Person {
  readonly problems: string[] = [];
  /** A quest's documents follow it by seconds; until then its address answers 404 with the app, which asks the API. */
  private readonly expected: RegExp[] = [/ 404 .*\/\/[^/]+\/(published\/)?quests\/\w{26}(\.json)?$/];
  readonly email: string;

  constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
    email?: string,
  ) {
    this.email = email ?? `${name.toLowerCase()}-${crypto.randomUUID().slice(0, 8)}@example.org`;
    page.on("pageerror", (error) => this.note(`page error: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        this.note(`console ${message.type()}: ${message.text()} ${message.location().url}`);
      }
    });
    page.on("requestfailed", (request) => {
      // A navigation away cancels what is under way; that is no failure.
      const reason = request.failure()?.errorText ?? "";
      if (reason !== "net::ERR_ABORTED") this.note(`failed request: ${reason} ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) this.note(`refused: ${response.status()} ${response.url()}`);
    });
  }

  private note(problem: string): void {
    this.problems.push(problem);
  }

  /** A refusal or failure that the journey is about, by its URL; it is no problem then. */
  expects(url: RegExp): void {
    this.expected.push(url);
  }

  unexpected(): string[] {
    return this.problems.filter((problem) => !this.expected.some((url) => url.test(problem)));
  }

  button(name: string) {
    return this.page.getByRole("button", { name, exact: true });
  }

  async goto(path: string): Promise<void> {
    await this.page.goto(path);
  }

  /** The newest mail with a code to this person, or to another address of theirs. */
  async codeMail(address = this.email): Promise<Mail & { code: string }> {
    const { origin } = new URL(this.page.url());
    for (let attempt = 0; attempt < 50; attempt++) {
      const answer = await fetch(`${origin}/_local/mailbox?format=json`);
      const mails = (await answer.json()) as Mail[];
      const mail = mails.find((one) => one.to.includes(address) && one.code);
      if (mail?.code) return { ...mail, code: mail.code };
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`no mail with a code to ${address}`);
  }

  /** The newest code that was mailed to this person. */
  async mailedCode(): Promise<string> {
    return (await this.codeMail()).code;
  }

  /** The mails to this person that are no codes, newest first. */
  async mails(): Promise<Mail[]> {
    const answer = await fetch(`${new URL(this.page.url()).origin}/_local/mailbox?format=json`);
    const mails = (await answer.json()) as Mail[];
    return mails.filter((mail) => mail.to.includes(this.email) && !mail.code);
  }

  /** Waits for a mail whose subject has these words, and returns it. */
  async mailed(words: RegExp): Promise<Mail> {
    let found: Mail | undefined;
    await expect
      .poll(
        async () => {
          const mails = await this.mails();
          found = mails.find(({ subject }) => words.test(subject));
          return found ? "there" : mails.map(({ subject }) => subject).join("; ");
        },
        { timeout: 30_000 },
      )
      .toBe("there");
    return found as Mail;
  }

  /** A picture for the eye, where SHOTS names a folder. */
  async shot(name: string): Promise<void> {
    if (!process.env.SHOTS) return;
    for (const colorScheme of SCHEMES) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const size of SIZES) {
        await this.page.setViewportSize(size);
        await this.page.screenshot({
          path: `${process.env.SHOTS}/${name}-${colorScheme}-${size.width}.png`,
          fullPage: true,
        });
      }
    }
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await this.page.setViewportSize(SIZES[0] as (typeof SIZES)[number]);
  }

  async fillSignUp(): Promise<void> {
    await this.page.getByLabel(t.auth.email).fill(this.email);
    await this.page.getByLabel(t.auth.newPassword).fill(PASSWORD);
    await this.button(t.auth.signUp).click();
    await expect(this.page.getByRole("heading", { name: t.auth.codeTitle })).toBeFocused();
  }

  async fillWelcome(): Promise<void> {
    await expect(this.page.getByRole("heading", { name: t.auth.welcomeTitle })).toBeVisible();
    await this.page.getByLabel(t.auth.welcomeName).fill(this.name);
    await this.button(t.auth.welcomeDone).click();
    await expect(this.page.getByRole("heading", { name: t.auth.welcomeTitle })).toBeHidden();
  }

  /** From nothing to a member with a name. */
  async join(): Promise<this> {
    await this.goto("/sign-up");
    await this.fillSignUp();
    await this.page.getByLabel(t.auth.code).fill(await this.mailedCode());
    await this.fillWelcome();
    return this;
  }

  async signIn(password = PASSWORD): Promise<void> {
    if (!this.page.url().includes("/sign-in")) await this.goto("/sign-in");
    await this.page.getByLabel(t.auth.email).fill(this.email);
    await this.page.getByLabel(t.auth.password, { exact: true }).fill(password);
    await this.button(t.auth.signIn).click();
  }

  /** Fills the form of a new quest without sending it. */
  async compose({ title, category = "social", description = "Two floors up, about one hour of work." }: Quest) {
    await this.goto("/quests/new");
    await this.page.getByLabel(t.compose.title).fill(title);
    await this.page.getByRole("radio", { name: t.category[category] }).check();
    await this.page.getByLabel(t.compose.description).fill(description);
  }

  /** Posts a quest and returns its path. */
  async post(quest: Quest): Promise<string> {
    await this.compose(quest);
    await this.button(t.compose.post).click();
    await expect(this.page.getByRole("heading", { level: 1, name: quest.title })).toBeVisible();
    return new URL(this.page.url()).pathname;
  }

  /** Presses an action's button, says what it asks for, and confirms. */
  async act(action: Exclude<keyof typeof t.action, "edit">, words?: string): Promise<void> {
    const text: { name: string; confirm: string; done: string; label?: string } = t.action[action];
    await this.button(text.name).click();
    await expect(this.page.getByRole("heading", { name: text.name })).toBeFocused();
    if (words) await this.page.getByLabel(text.label ?? "").fill(words);
    await this.button(text.confirm).click();
    await expect(this.page.getByText(text.done)).toBeVisible();
  }

  /** A call of the API as this member, for what a journey needs but is not about. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.page.evaluate(
      async ([verb, where, content]) => {
        const session = JSON.parse(localStorage.getItem("civicforge.session") ?? "{}");
        const headers = {
          Authorization: `Bearer ${session.accessToken}`,
          "Content-Type": "application/json",
          "Idempotency-Key": crypto.randomUUID(),
        };
        const answer = await fetch(`/api/v1${where}`, { method: verb, headers, ...(content ? { body: content } : {}) });
        if (!answer.ok) throw new Error(`${verb} ${where}: ${answer.status} ${await answer.text()}`);
        return answer.json();
      },
      [method, path, body === undefined ? "" : JSON.stringify(body)] as const,
    );
  }

  /**
   * axe finds nothing serious, and nothing needs sideways scrolling, at both sizes, light and dark, nor with letters
   * twice as large. What neither size nor colour can change is asked once.
   */
  async looksRight(): Promise<void> {
    const before = this.page.viewportSize();
    const axe = () => new AxeBuilder({ page: this.page }).setLegacyMode();
    for (const colorScheme of SCHEMES) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const size of SIZES) {
        await this.page.setViewportSize(size);
        const first = colorScheme === SCHEMES[0] && size === SIZES[0];
        const { violations } = await (first ? axe().withTags(WCAG) : axe().withRules(LOOKS)).analyze();
        const found = violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`,
          );
        const where = `${this.page.url()} ${colorScheme} ${size.width}`;
        expect(found, where).toEqual([]);
        for (const letters of ["100%", "200%"]) {
          const overflow = await this.page.evaluate((fontSize) => {
            document.documentElement.style.fontSize = fontSize;
            const { scrollWidth } = document.documentElement;
            document.documentElement.style.fontSize = "";
            return scrollWidth - window.innerWidth;
          }, letters);
          expect(overflow, `${where} scrolls sideways with letters at ${letters}`).toBeLessThanOrEqual(0);
        }
      }
    }
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    if (before) await this.page.setViewportSize(before);
  }
}

interface People {
  /** Somebody new with a browser of their own. */
  somebody: (name: string, options?: { email?: string; context?: BrowserContext }) => Promise<Person>;
}

export const test = base.extend<People>({
  somebody: async ({ browser }: { browser: Browser }, use) => {
    const people: Person[] = [];
    await use(async (name, { email, context } = {}) => {
      const own = context ?? (await browser.newContext());
      const person = new Person(name, own, await own.newPage(), email);
      people.push(person);
      return person;
    });
    for (const person of people) {
      expect(person.unexpected(), `${person.name}'s browser`).toEqual([]);
      await person.context.close();
    }
  },
});
