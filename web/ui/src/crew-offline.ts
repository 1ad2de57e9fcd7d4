// The crew page's service worker: the page opens without a network, once it has been there with one, and so do the photos of the day.
// The server puts page (its address) and files (what it is made of) before this script. What was said to the API is never kept here.
import {type Asked, inTime, scope} from './service';

declare const files: string[];
declare const page: string;

const shelf = 'crew';

scope.addEventListener('install', (e) => {
  e.waitUntil((async () => {
    const cache = await caches.open(shelf);
    await cache.addAll(files);
    const now = await fetch(page);
    if (now.ok && !now.redirected) await cache.put(page, now);
    await scope.skipWaiting();
  })());
});

scope.addEventListener('activate', (e) => {
  e.waitUntil((async () => {
    const cache = await caches.open(shelf);
    for (const r of await cache.keys()) {
      const path = new URL(r.url).pathname;
      if (path !== page && !files.includes(path) && !isPhoto(path)) await cache.delete(r);
    }
    await scope.clients.claim();
  })());
});

const isPhoto = (path: string) => /^\/crew\/orders\/[^/]+\/photos\//.test(path);

scope.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname.startsWith('/assets/') || isPhoto(url.pathname)) e.respondWith(kept(e.request));
  else if (e.request.mode === 'navigate' && (url.pathname === page || url.pathname.startsWith(page + '/orders/'))) e.respondWith(newest(e, url));
});

/** kept answers with what is kept: names hold a hash of what is in them, and a photo never changes. */
async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(shelf);
  return (await cache.match(request, {ignoreVary: true})) ?? fetch(request);
}

/**
 * newest answers with the page as it is now, and with the day's as it was where there is no network, or one that takes too long. Who is no longer
 * logged in leaves no page behind, and what comes late is kept.
 */
async function newest(e: Asked, url: URL): Promise<Response> {
  const cache = await caches.open(shelf);
  const now = fetch(e.request).then(async (answer) => {
    if (answer.type === 'opaqueredirect') await cache.delete(page, {ignoreVary: true});
    else if (answer.ok && url.pathname === page) await cache.put(page, answer.clone());
    return answer;
  });
  e.waitUntil(now.catch(() => undefined));
  return inTime(now, await cache.match(page, {ignoreVary: true, ignoreSearch: true}));
}
