/** A fake stage for the tests: answers what a test says, remembers what it was asked, refuses the rest. */
import { vi } from "vitest";
import { loadConfig } from "../src/api/config";
import { type Session, startSession } from "../src/api/session";
import type {
  Action,
  BoardCard,
  InboxItem,
  LedgerEntry,
  Me,
  Message,
  MyQuestCard,
  QuestCard,
  QuestView,
} from "../src/api/types";
import { words } from "../src/lib/folding";

export const CONFIG = {
  stage: "test",
  apiBase: "/api/v1",
  region: "eu-central-1",
  userPoolId: "eu-central-1_TestPool",
  userPoolClientId: "client",
  cognitoEndpoint: "https://cognito.test/",
  mailbox: null,
};

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

export type Answer = unknown | Response | ((call: Call) => unknown | Response | Promise<unknown>);

export const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}) =>
  new Response(
    JSON.stringify({ type: `urn:${code}`, title: code, status, code, detail: "", requestId: "req-1", ...more }),
    {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    },
  );

const json = (value: unknown): Response =>
  new Response(JSON.stringify(value), { headers: { "content-type": "application/json", "x-request-id": "req-ok" } });

/** Answers `METHOD /path` (of the API) and `Cognito.Operation`; returns the list of calls, which grows. */
export async function serve(answers: Record<string, Answer>): Promise<Call[]> {
  const calls: Call[] = [];
  const everywhere: Record<string, Answer> = {
    "GET /config.json": CONFIG,
    "GET /me/turn": { items: [] },
    "GET /api/health": { status: "ok", stage: "test", release: "1", breaker: "closed" },
    ...answers,
  };
  vi.stubGlobal("fetch", async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.origin), init);
    const url = new URL(request.url);
    const text = await request.clone().text();
    const body: unknown = text ? JSON.parse(text) : undefined;
    const target = request.headers.get("x-amz-target")?.split(".")[1];
    const path = url.pathname.replace(CONFIG.apiBase, "");
    const call = { method: request.method, path, query: url.searchParams, headers: request.headers, body };
    calls.push(call);
    // Nobody has written, and nothing is published, unless a test says so: then the API answers.
    const silent = request.method === "GET" && path.endsWith("/messages") ? { items: [] } : undefined;
    const unpublished = path.startsWith("/published/") ? problem(404, "no_document") : undefined;
    // What answers a sign-in answers a renewal as well, unless a test tells them apart.
    const renewal = target === "GetTokensFromRefreshToken" ? everywhere["Cognito.InitiateAuth"] : undefined;
    const answer =
      everywhere[target ? `Cognito.${target}` : `${request.method} ${path}`] ?? silent ?? renewal ?? unpublished;
    if (answer === undefined) throw new TypeError(`nobody answers ${request.method} ${path}`);
    const result = await (typeof answer === "function" ? answer(call) : answer);
    return result instanceof Response ? result.clone() : json(result);
  });
  await loadConfig();
  calls.length = 0;
  return calls;
}

const encode = (claims: object): string => btoa(JSON.stringify(claims)).replace(/\+/g, "-").replace(/\//g, "_");

export const tokens = (userId: string, groups: string[] = [], ExpiresIn = 3600) => ({
  AccessToken: `h.${encode({ sub: userId, "cognito:groups": groups, at: Math.random() })}.s`,
  IdToken: `h.${encode({ email: `${userId}@example.org` })}.s`,
  RefreshToken: "refresh",
  ExpiresIn,
});

export const signInAs = (userId: string, groups: string[] = [], expiresIn = 3600): Session =>
  startSession(tokens(userId, groups, expiresIn));

export const card = (more: Partial<QuestCard> = {}): QuestCard => ({
  questId: "q1",
  title: "Carry a sofa",
  category: "social",
  tags: [],
  area: "Old town",
  minutes: 60,
  rewardXp: 120,
  rewardReputation: 12,
  requestorId: "ana",
  status: "OPEN",
  createdAt: "2026-03-01T10:00:00.000Z",
  expiresAt: "2026-03-31T10:00:00.000Z",
  attestedBy: [],
  ...more,
});

/** A card in a list of the member's own. */
export const myCard = (more: Partial<MyQuestCard> = {}): MyQuestCard => ({ ...card(), ...more });

export const turn = (more: Partial<NonNullable<MyQuestCard["turn"]>> = {}): NonNullable<MyQuestCard["turn"]> => ({
  task: "hand-in",
  since: "2026-03-01T10:00:00.000Z",
  members: ["ben"],
  moderators: false,
  yours: true,
  ...more,
});

export const news = (more: Partial<InboxItem> = {}): InboxItem => ({
  itemId: "2026-03-01T10:00:00.000Z#q1#2#claimed",
  at: "2026-03-01T10:00:00.000Z",
  kind: "claimed",
  amounts: {},
  quest: { questId: "q1", title: "Carry a sofa" },
  actor: { userId: "jo", displayName: "Jo" },
  unread: true,
  ...more,
});

export const message = (more: Partial<Message> = {}): Message => ({
  messageId: "m1",
  authorId: "jo",
  audience: "private",
  performerId: "jo",
  text: "Can I come at nine?",
  createdAt: "2026-03-01T10:00:00.000Z",
  ...more,
});

export const boardCard = (more: Partial<BoardCard> = {}): BoardCard => {
  const one = {
    ...card(),
    version: 1,
    requestorName: "Ana",
    minutes: 60,
    tags: [] as string[],
    area: "Old town",
    ...more,
  };
  return {
    ...one,
    expiresAt: more.expiresAt ?? new Date(Date.now() + 20 * 86_400_000).toISOString(),
    words: more.words ?? words(one.title, ...one.tags, one.area, one.category, one.requestorName).join(" "),
  };
};

export const board = (...cards: BoardCard[]) => ({ publishedAt: "2026-03-01T10:00:00.000Z", cards });

const ACTIONS: Action[] = [
  "edit",
  "cancel",
  "claim",
  "release",
  "submit",
  "request-changes",
  "attest",
  "dispute",
  "resolve",
];

export const view = (allowed: Action[], more: Partial<QuestView> = {}): QuestView => ({
  ...card(),
  description: "Two floors up, one hour.",
  descriptionHtml: "<p>Two floors up, <strong>one hour</strong>.</p>",
  updatedAt: "2026-03-01T10:00:00.000Z",
  version: 1,
  attestations: [],
  changeRequests: [],
  allowedActions: Object.fromEntries(
    ACTIONS.map((action) => [
      action,
      allowed.includes(action) ? { allowed: true } : { allowed: false, code: "wrong_status" as const },
    ]),
  ) as QuestView["allowedActions"],
  ...more,
});

export const me = (more: Partial<Me> = {}): Me => ({
  userId: "ben",
  displayName: "Ben",
  bio: "",
  interests: [],
  points: 10,
  xp: 0,
  reputation: 0,
  completed: 0,
  confirmedBy: 0,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  groups: [],
  language: "en",
  mail: "at_once",
  unread: 0,
  ...more,
});

export const entry = (more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  entryId: "e1",
  kind: "welcome",
  points: 10,
  xp: 0,
  reputation: 0,
  share: 100,
  state: "POSTED",
  createdAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

export const person = (userId: string, displayName: string) => ({
  userId,
  displayName,
  bio: "",
  interests: ["garden"],
  xp: 5,
  reputation: 6,
  completed: 7,
  confirmedBy: 4,
  moderator: false,
  thanks: [],
  createdAt: "2026-01-01T00:00:00.000Z",
});
