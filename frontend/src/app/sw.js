/* Keeps the shell and the published documents for offline use. What is a member's own, the page keeps (src/api/copies.ts). */
const SHELL = __SHELL__;
/** The files that keep their names when they change. */
const FRESH = ["/app.js", "/app.css", "/config.json", "/manifest.webmanifest", "/icon.svg"];
const CACHE = `civicforge-${__VERSION__}`;
/** The published documents outlive a release. */
const DOCUMENTS = "civicforge-documents";
const MOST_DOCUMENTS = 60;
/** The time that the network has before a copy is shown in its place. */
const WAIT_MS = 3000;
/** The time after a wait in vain in which the next request does not wait again, where there is a copy. */
const STALLED_MS = 10_000;

let stalledAt = -STALLED_MS;
const isStalled = () => performance.now() < stalledAt + STALLED_MS;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(names.filter((name) => name !== CACHE && name !== DOCUMENTS).map((name) => caches.delete(name))),
      )
      .then(() => self.clients.claim()),
  );
});

/** The answer of the network, or a rejection when it takes longer than a member waits. */
function inTime(request) {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      stalledAt = performance.now();
      reject(new Error("no answer in time"));
    };
    const timer = isStalled() ? undefined : setTimeout(giveUp, WAIT_MS);
    if (timer === undefined) reject(new Error("no answer a moment ago"));
    fetch(request)
      .then((response) => {
        stalledAt = -STALLED_MS;
        resolve(response);
      }, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** The network's answer, which is kept; without one in time the copy. Only a copy that is there is worth the hurry. */
async function networkFirst(request, key, name = CACHE) {
  const cache = await caches.open(name);
  const kept = await cache.match(key);
  const answer = kept ? inTime(request) : fetch(request);
  try {
    const response = await answer;
    if (response.ok) await cache.put(key, response.clone());
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

/** Documents about quests: kept by address, the oldest go. */
async function publishedDocument(request, path) {
  const response = await networkFirst(request, path, DOCUMENTS);
  const cache = await caches.open(DOCUMENTS);
  const requests = await cache.keys();
  await Promise.all(requests.slice(0, Math.max(0, requests.length - MOST_DOCUMENTS)).map((old) => cache.delete(old)));
  return response;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (FRESH.includes(url.pathname)) event.respondWith(networkFirst(request, url.pathname));
  // A long board's pages would displace the quests' documents.
  else if (url.pathname.startsWith("/published/board/")) return;
  else if (url.pathname.startsWith("/published/")) event.respondWith(publishedDocument(request, url.pathname));
  else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
  } else if (request.mode === "navigate") {
    event.respondWith(inTime(request).catch(async () => (await caches.match("/index.html")) ?? fetch(request)));
  }
});

/** A notice from the notifier (services/notifier/mail_content.py). Whatever comes is shown: browsers take the right away else. */
async function showNotice(data) {
  const notice = { title: "CivicForge", body: "", path: "/inbox", tag: "news", lang: "en", dir: "auto" };
  try {
    Object.assign(notice, data?.json());
  } catch {
    // Not ours to read.
  }
  const { title, path, ...shown } = notice;
  await self.registration.showNotification(title, { ...shown, icon: "/icon-192.png", data: { path } });
}

self.addEventListener("push", (event) => event.waitUntil(showNotice(event.data)));

/** The window that shows the place already, or a new one: another one may hold what its member is writing. */
async function openPlace(path) {
  const place = new URL(path, self.location.origin);
  if (place.origin !== self.location.origin) return undefined;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find(({ url }) => new URL(url).pathname === place.pathname);
  return there ? there.focus() : self.clients.openWindow(place.href);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPlace(event.notification.data?.path ?? "/inbox"));
});
