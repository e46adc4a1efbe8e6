// Opens the wall check where a phone has no network. It answers with nothing but the page and the files that the
// page itself put on the shelf; everything else goes to the service as if this were not here.
"use strict";

const SHELF = "choso-check-1";
/** A market's weak signal is no signal: past this the page comes from the shelf. */
const WITHIN_MS = 4000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname === "/check") event.respondWith(page(request));
  else if (pathname.startsWith("/assets/")) event.respondWith(asset(request));
});

/** What is on the shelf, without making one where there is none. */
const onShelf = (what) => caches.match(what, { cacheName: SHELF });

async function page(request) {
  const kept = await onShelf("/check");
  if (!kept) return fetch(request);
  try {
    return await fetch(request, { signal: AbortSignal.timeout(WITHIN_MS) });
  } catch {
    return kept;
  }
}

/** Assets bear the digest of what is in them, so one from the shelf is as good as a new one. */
async function asset(request) {
  return (await onShelf(request)) ?? fetch(request);
}
