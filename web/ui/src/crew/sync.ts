// Sends what was done, in the order in which it was done, until the server has it. Each deed has a key: sent again because an answer was
// lost, it is not done again. A deed that the server refuses is parked, and with it what was done upon the same order after it; the rest goes on.
import type {Deed, Store} from './store.ts';

export type Now = 'idle' | 'sending' | 'off' | 'login';

/** grace is how long a deed waits on the phone so that it can be taken back, ms. */
export const grace = 5000;
const longest = 60_000;

interface Answer {
  message?: string;
  detail?: string;
  orders?: {version?: number; why?: string}[];
}

export class Sync {
  now: Now = 'idle';
  sending: number | undefined; // the deed under way
  private tries = 0;
  private failed = false;
  private timer = 0;
  private running = false;

  constructor(private store: Store, private person: string, private changed: () => void) {
    addEventListener('online', () => this.soon(0));
    document.addEventListener('visibilitychange', () => void this.run(true));
  }

  /** soon runs after so many milliseconds. */
  soon(after: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.run(false), after);
  }

  /** run sends what waits; at once even what can still be taken back. */
  async run(atOnce: boolean): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      // One page at a time: two would send everything twice, to no harm but for nothing.
      await navigator.locks.request('streetpulse-crew', () => this.all(atOnce));
    } finally {
      this.running = false;
      this.sending = undefined;
      this.changed();
    }
  }

  private async all(atOnce: boolean): Promise<void> {
    const held = new Set<string>(); // orders with a parked deed
    let sent = 0;
    this.failed = false;
    for (const d of await this.store.deeds()) {
      if (d.person !== this.person) continue;
      if (d.why || (d.strict && held.has(d.order))) {
        if (d.strict) held.add(d.order);
        continue;
      }
      const left = Date.parse(d.said) + grace - Date.now();
      if (left > 0 && left <= grace && !atOnce) {
        this.soon(left);
        break;
      }
      this.sending = d.n; // from here on it cannot be taken back on the phone
      if (!(await this.store.has(d.n!))) continue;
      const went = await this.one(d, held);
      if (!went) return;
      sent++;
    }
    if (this.failed) this.later('idle');
    else this.tries = 0;
    this.now = 'idle';
    if (sent > 0) dispatchEvent(new Event('crew-sent'));
  }

  /** one sends a deed and says whether the next may follow. */
  private async one(d: Deed, held: Set<string>): Promise<boolean> {
    const was = this.now;
    if (was !== 'off') this.now = 'sending';
    let status: number;
    let answer: Answer = {};
    try {
      const got = await this.ask(d);
      status = got.redirected ? 401 : got.status;
      answer = (await got.json().catch(() => ({}))) as Answer;
    } catch {
      return this.later('off');
    }
    if (status === 401 || status === 403) return this.later('login');
    if (status === 500) { // a fault with this one: it is tried again later, and keeps no other back
      this.failed = true;
      held.add(d.order);
      return true;
    }
    if (status >= 500 || status === 429 || status === 408) return this.later('off');
    if (status >= 400) {
      if (d.strict) held.add(d.order);
      await this.store.park(d, answer.orders?.[0]?.why ?? answer.message ?? answer.detail ?? String(status), answer.orders?.[0]?.version ?? 0);
    } else {
      await this.store.done(d, answer.orders?.[0]?.version ?? 0);
    }
    this.now = 'sending';
    this.changed();
    return true;
  }

  private async ask(d: Deed): Promise<Response> {
    const path = `/api/v1/crew/orders/${encodeURIComponent(d.order)}/`;
    const limit = AbortSignal.timeout(d.photo ? 120_000 : 30_000);
    if (d.photo) {
      const q = new URLSearchParams({taken: d.taken ?? '', key: d.key, stroke: d.stroke, said: d.said});
      return fetch(`${path}photos?${q}`, {method: 'POST', body: new Blob([d.photo], {type: 'image/jpeg'}), headers: {'Content-Type': 'image/jpeg'}, signal: limit});
    }
    const version = d.strict ? await this.store.seen(d.order) : 0;
    return fetch(path + 'actions', {method: 'POST', body: JSON.stringify({...d.body, version, key: d.key, stroke: d.stroke, said: d.said}), headers: {'Content-Type': 'application/json'}, signal: limit});
  }

  private later(now: Now): boolean {
    this.now = now;
    this.soon(Math.min(longest, 2000 * 2 ** this.tries++));
    return false;
  }
}
