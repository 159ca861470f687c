/** A notice on a device: from the switch in Settings over the notifier and a push service of the test's own to the quest. */
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, t, test } from "./people.ts";

interface Device {
  publicKey: string;
  auth: string;
  read(body: Uint8Array): string;
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(parts.flatMap((part) => [...part]));

/** The keys of a browser's subscription, and its way to read what was encrypted for it (RFC 8291). */
function device(): Device {
  const ecdh = createECDH("prime256v1");
  const own = new Uint8Array(ecdh.generateKeys());
  const auth = new Uint8Array(randomBytes(16));
  const derived = (salt: Uint8Array, secret: Uint8Array, info: Uint8Array | string, length: number) =>
    new Uint8Array(hkdfSync("sha256", secret, salt, info, length));
  return {
    publicKey: base64url(own),
    auth: base64url(auth),
    read(body) {
      const salt = body.slice(0, 16);
      const sender = body.slice(21, 21 + (body[20] ?? 0));
      const cipher = body.slice(21 + sender.length);
      const info = joined(new TextEncoder().encode("WebPush: info\0"), own, sender);
      const secret = derived(auth, new Uint8Array(ecdh.computeSecret(sender)), info, 32);
      const key = derived(salt, secret, "Content-Encoding: aes128gcm\0", 16);
      const decipher = createDecipheriv("aes-128-gcm", key, derived(salt, secret, "Content-Encoding: nonce\0", 12));
      decipher.setAuthTag(cipher.slice(-16));
      const plain = joined(new Uint8Array(decipher.update(cipher.slice(0, -16))), new Uint8Array(decipher.final()));
      return new TextDecoder().decode(plain.slice(0, plain.lastIndexOf(2)));
    },
  };
}

/** A push service that keeps what it is sent, with the path of the device. */
async function pushService(received: [path: string, body: Uint8Array][]): Promise<Server> {
  const server = createServer((request, response) => {
    const parts: Uint8Array[] = [];
    request.on("data", (part: Buffer) => parts.push(new Uint8Array(part)));
    request.on("end", () => {
      received.push([request.url ?? "", joined(...parts)]);
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

test("a device shows what happens while the page is elsewhere, until its member signs out", async ({ somebody }) => {
  const received: [path: string, body: Uint8Array][] = [];
  const server = await pushService(received);
  const keys = device();
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const mira = await somebody("Mira");
    // No test browser reaches its maker's push service: the subscription is ours, all else is the browser's own.
    await mira.context.addInitScript(
      ([address, publicKey, auth]) => {
        let current: object | null = null;
        PushManager.prototype.getSubscription = async () => current as PushSubscription | null;
        PushManager.prototype.subscribe = async (options) => {
          current = {
            options: { applicationServerKey: options?.applicationServerKey },
            toJSON: () => ({ endpoint: address, keys: { p256dh: publicKey, auth } }),
            unsubscribe: async () => {
              current = null;
              return true;
            },
          };
          return current as PushSubscription;
        };
      },
      [`${origin}/phone`, keys.publicKey, keys.auth] as const,
    );
    await mira.context.grantPermissions(["notifications"]);
    await mira.join();
    const title = `Paint the bench ${Date.now()}`;
    const quest = await mira.post({ title });
    await mira.goto("/settings");
    await mira.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const group = mira.page.getByRole("group", { name: t.settings.push.name });
    await group.getByRole("radio", { name: t.settings.push.states.on, exact: true }).check();
    await expect(mira.page.getByText(t.common.saved)).toBeVisible();
    await mira.looksRight();
    await mira.shot("settings-push");

    const jonas = await (await somebody("Jonas")).join();
    await jonas.goto(quest);
    await jonas.act("claim");
    await expect.poll(() => received.length, { timeout: 30_000 }).toBe(1);
    const [path, body] = received[0] ?? ["", new Uint8Array()];
    expect(path).toBe("/phone");
    const notice = keys.read(body);
    expect(JSON.parse(notice)).toMatchObject({ body: `Jonas will do “${title}”`, path: quest });

    // The browser hands it to the service worker, as its push service would.
    const cdp = await mira.context.newCDPSession(mira.page);
    const registered = new Promise<string>((resolve) =>
      cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const found = registrations.find(({ scopeURL }) => mira.page.url().startsWith(scopeURL));
        if (found) resolve(found.registrationId);
      }),
    );
    await cdp.send("ServiceWorker.enable");
    await cdp.send("ServiceWorker.deliverPushMessage", {
      origin: new URL(mira.page.url()).origin,
      registrationId: await registered,
      data: notice,
    });
    const shown = () =>
      mira.page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        return (await registration.getNotifications()).map(({ title, body, data, lang }) => ({
          title,
          body,
          data,
          lang,
        }));
      });
    await expect
      .poll(shown)
      .toEqual([{ title: "CivicForge", body: `Jonas will do “${title}”`, data: { path: quest }, lang: "en" }]);

    // Devices are called one after the other: what has come to the last one has gone to all.
    const laptop = device();
    const subscription = { endpoint: `${origin}/laptop`, publicKey: laptop.publicKey, auth: laptop.auth };
    await mira.api("POST", "/me/devices", subscription);
    await mira.button(t.settings.signOut).click();
    await expect(mira.page.getByText(t.settings.signedOut)).toBeVisible();
    await jonas.act("submit", "Two coats of green, dry by tonight.");
    await expect.poll(() => received.map(([path]) => path), { timeout: 30_000 }).toEqual(["/phone", "/laptop"]);
    expect(JSON.parse(laptop.read(received[1]?.[1] ?? new Uint8Array()))).toMatchObject({
      body: `Jonas handed in “${title}”`,
    });
  } finally {
    server.close();
  }
});
