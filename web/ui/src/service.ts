// What a service worker is given: TypeScript knows a page or a worker, not both in one project.
interface Life extends Event {
  waitUntil(work: Promise<unknown>): void;
}
export interface Asked extends Life {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  addEventListener(kind: 'install' | 'activate', act: (e: Life) => void): void;
  addEventListener(kind: 'fetch', act: (e: Asked) => void): void;
  skipWaiting(): Promise<void>;
  clients: {claim(): Promise<void>};
}

export const scope = self as unknown as Scope;
