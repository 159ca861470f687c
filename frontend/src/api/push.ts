/**
 * Notices on this device (Web Push). The browser keeps one subscription for the whole page, so it is bound to the member
 * who turned it on, and ends when they sign out or another one signs in.
 */
import { forget, recall, remember } from "../lib/storage";
import { within } from "../lib/within";
import { addDevice, listDevices, removeDevice } from "./actions";
import { config } from "./config";
import { sessionState } from "./session";

/** The subscription of this browser as the API knows it. */
interface StoredSubscription {
  userId: string;
  deviceId: string;
}

const KEY = "push";

/** `blocked`: the member has told the browser that this app may show nothing. */
export type PushState = "unsupported" | "blocked" | "off" | "on";

export const isPushSupported = (): boolean =>
  !!config().pushKey && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const registration = async (): Promise<ServiceWorkerRegistration | undefined> =>
  navigator.serviceWorker.getRegistration();

const subscribed = async (): Promise<PushSubscription | undefined> =>
  (await (await registration())?.pushManager.getSubscription()) ?? undefined;

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** True for a subscription that is bound to the stage's key as it is now; operators change it where it has leaked. */
function isOurs(subscription: PushSubscription): boolean {
  const key = subscription.options.applicationServerKey;
  const ours = bytesOf(config().pushKey ?? "");
  return !key || new Uint8Array(key).every((byte, at) => byte === ours[at]);
}

export async function pushState(): Promise<PushState> {
  if (!isPushSupported()) return "unsupported";
  if (Notification.permission === "denied") return "blocked";
  const mine = recall<StoredSubscription>(KEY)?.userId === sessionState().session?.userId;
  return mine && Notification.permission === "granted" && (await subscribed()) ? "on" : "off";
}

async function subscribe(): Promise<void> {
  const worker = await registration();
  if (!worker) throw new Error("there is no service worker");
  let subscription = await subscribed();
  if (subscription && !isOurs(subscription)) {
    await subscription.unsubscribe();
    subscription = undefined;
  }
  subscription ??= await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytesOf(config().pushKey ?? ""),
  });
  const { endpoint, keys } = subscription.toJSON();
  const body = { endpoint: endpoint ?? "", publicKey: keys?.p256dh ?? "", auth: keys?.auth ?? "" };
  const userId = sessionState().session?.userId;
  const { deviceId } = await addDevice(body);
  remember(KEY, { userId, deviceId });
}

/** Asks the browser for permission, and subscribes. @returns the state after it. */
export async function turnPushOn(): Promise<PushState> {
  if ((await Notification.requestPermission()) === "granted") await subscribe();
  return pushState();
}

async function unsubscribe(): Promise<void> {
  await (await subscribed())?.unsubscribe();
  forget(KEY);
}

/** Ends push on this device: first in the browser, then at the API. */
export async function turnPushOff(): Promise<PushState> {
  const kept = recall<StoredSubscription>(KEY);
  await unsubscribe();
  if (kept) await removeDevice(kept.deviceId);
  return pushState();
}

/** Ends the notices on every device of the member. */
export async function forgetDevices(): Promise<void> {
  const { items } = await listDevices();
  await unsubscribe();
  for (const { deviceId } of items) await removeDevice(deviceId);
}

/**
 * Updates or ends the subscription after a change: another member has signed in, the browser dropped the subscription,
 * the stage has a new key.
 */
export async function repairPush(): Promise<void> {
  const kept = recall<StoredSubscription>(KEY);
  const { session } = sessionState();
  if (!kept || !session || !isPushSupported()) return;
  if (kept.userId !== session.userId) return unsubscribe();
  if (Notification.permission !== "granted") return void (await turnPushOff());
  const subscription = await subscribed();
  if (!subscription || !isOurs(subscription)) await subscribe();
}

/** The longest time that signing out waits for the end of push, in milliseconds. */
const SIGN_OUT_WAIT_MS = 3_000;

/** Ends push before the session ends. It never rejects: signing out works offline too. */
export const stopPushAtSignOut = (everywhere: boolean): Promise<unknown> =>
  within<unknown>(everywhere ? forgetDevices() : turnPushOff(), SIGN_OUT_WAIT_MS).catch(() => undefined);
