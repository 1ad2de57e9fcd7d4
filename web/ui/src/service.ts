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

const patience = 3000; // ms that a weak network is waited for

/** inTime is what the network answers, and what is kept where it does not, fails at the server's, or takes too long. */
export function inTime(now: Promise<Response>, was: Response | undefined): Promise<Response> {
  if (!was) return now;
  const late = new Promise<Response>((done) => setTimeout(() => done(was), patience));
  return Promise.race([now.then((answer) => (answer.status < 500 ? answer : was), () => was), late]);
}
