// The drive page's service worker: the page starts without a network, once it has been there with one. The server puts page (its
// address), files (what it is made of) and later (what it loads when a drive starts) before this script. What was said to the API is
// never kept.
import {type Asked, inTime, scope} from './service';

declare const files: string[];
declare const later: string[];
declare const page: string;

const shelf = 'drive';

scope.addEventListener('install', (e) => {
  e.waitUntil((async () => {
    const cache = await caches.open(shelf);
    await cache.addAll([page, ...files]);
    await scope.skipWaiting();
  })());
});

scope.addEventListener('activate', (e) => {
  e.waitUntil((async () => {
    const cache = await caches.open(shelf);
    for (const r of await cache.keys()) {
      const path = new URL(r.url).pathname;
      if (path !== page && !files.includes(path) && !later.includes(path)) await cache.delete(r);
    }
    await scope.clients.claim();
  })());
});

const isAsset = (path: string) => path.startsWith('/drive/assets/') || path.startsWith('/assets/');

scope.addEventListener('fetch', (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || url.origin !== location.origin) return;
  if (isAsset(url.pathname)) e.respondWith(kept(e.request));
  else if (url.pathname === page && e.request.mode === 'navigate') e.respondWith(newest(e));
});

/** kept answers with what is kept: names hold a hash of what is in them. */
async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(shelf);
  const found = await cache.match(request, {ignoreVary: true});
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

/** newest answers with the page as it is now, and as it was where there is no network, or one that takes too long. What comes late is kept. */
async function newest(e: Asked): Promise<Response> {
  const cache = await caches.open(shelf);
  const now = fetch(e.request).then(async (answer) => {
    if (answer.ok) await cache.put(page, answer.clone());
    return answer;
  });
  e.waitUntil(now.catch(() => undefined));
  return inTime(now, await cache.match(page, {ignoreVary: true, ignoreSearch: true}));
}
