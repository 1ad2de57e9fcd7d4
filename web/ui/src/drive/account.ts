// The phone's credentials: it enrols itself, renews its secret, and asks to be forgotten. All over HTTP.
import type {Outcome} from './messages.ts';
import type {Device, Known, Store, Waiting} from './store.ts';

const renewAfter = 30 * 86400; // seconds
const right = 30; // seconds by which a clock may be off: the server's is read to the second
const quick = 10_000; // ms within which an answer must come to tell the time
const headers = 500; // bytes of headers both ways, about

/** Refused means that the server does not know this phone, or no longer. */
export class Refused extends Error {}

export class Account {
  device?: Device;
  behind?: number; // seconds by which the phone's clock is behind the server's, as far as it is wrong; undefined: not known

  constructor(private store: Store, private lang: string, private count: (bytes: number) => void) {}

  async load(): Promise<void> {
    this.device = await this.store.get('device');
    this.behind = await this.store.get('clock');
  }

  /** compare holds the phone's clock against the time of an answer that was asked for at a time. */
  private async compare(asked: number, answer: Response): Promise<void> {
    const now = Date.now();
    const there = Date.parse(answer.headers.get('Date') ?? '');
    if (Number.isNaN(there) || Math.abs(now - asked) > quick) return;
    const behind = (there + 500 - (asked + now) / 2) / 1000;
    const before = this.behind;
    this.behind = Math.abs(behind) > right ? behind : 0;
    if (before !== undefined && Math.abs(this.behind - before) < right) {
      this.behind = before; // as it was: no need to store it
      return;
    }
    try {
      if (before === undefined && this.behind !== 0) await this.store.correct(this.behind);
      await this.store.set('clock', this.behind);
    } catch {
      // the next answer tells it again
    }
  }

  private async ask(method: string, path: string, by?: Known, body?: string, patience = 30_000): Promise<Response> {
    const asked = Date.now();
    const answer = await fetch('/api/v1' + path, {
      method, body, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(patience),
      headers: {...(body && {'Content-Type': 'application/json'}), ...(by && {Authorization: 'Basic ' + btoa(by.id + ':' + by.secret)})},
    });
    this.count(headers + (body?.length ?? 0) + Number(answer.headers.get('Content-Length') ?? 0));
    if (method !== 'DELETE') await this.compare(asked, answer); // who is forgotten leaves nothing behind
    if (answer.status === 401) throw new Refused();
    return answer;
  }

  /** known returns the phone's credentials; it enrols where it has none, and renews those that are old. */
  async known(): Promise<Device> {
    const now = Date.now() / 1000;
    if (!this.device) {
      const answer = await this.ask('POST', '/devices', undefined, JSON.stringify({app: 'drive', kind: 'phone'}));
      if (!answer.ok) throw new Error('enrol: ' + answer.status);
      const made = (await answer.json()) as {id: string; secret: string; mqtt: {websocket?: string}};
      await this.keep({id: made.id, secret: made.secret, since: now, renewed: now, broker: made.mqtt.websocket !== undefined});
    } else if (now - this.device.renewed > renewAfter) {
      const answer = await this.ask('POST', `/devices/${this.device.id}/secret`, this.device);
      // A renewal that fails, or whose answer is lost, leaves the old secret good.
      if (answer.ok) await this.keep({...this.device, secret: ((await answer.json()) as {secret: string}).secret, renewed: now});
    }
    return this.device!;
  }

  private async keep(device: Device): Promise<void> {
    await this.store.set('device', device);
    this.device = device;
  }

  /** leave makes this phone a new one to the server. Who it was is kept, as its owner may still want that erased. */
  async leave(): Promise<void> {
    const {device} = this;
    if (device) await this.store.set('former', [...((await this.store.get('former')) ?? []), {id: device.id, secret: device.secret}]);
    await this.store.drop('device');
    this.device = undefined;
  }

  forget(store: Store): void {
    this.store = store;
    this.device = this.behind = undefined;
  }

  /** send sends a batch; it returns what the server refuses of it when the server has the rest. */
  async send(device: Device, batch: Waiting[]): Promise<Rejection[]> {
    const answer = await this.ask('POST', '/events', device, batchOf(batch));
    if (!answer.ok) throw new Error('send: ' + answer.status);
    return rejectionsOf(await answer.text());
  }

  /** outcomes asks what became of what this phone felt, and how it seems to be. */
  async outcomes(device: Device): Promise<{outcomes: Outcome[]; health: string}> {
    const answer = await this.ask('GET', `/devices/${device.id}/outcomes?lang=${this.lang}`, device);
    if (!answer.ok) throw new Error('outcomes: ' + answer.status);
    return (await answer.json()) as {outcomes: Outcome[]; health: string};
  }

  /** data asks for everything that the server keeps about a device. Empty: nothing. */
  async data(by: Known): Promise<Blob | undefined> {
    const answer = await this.ask('GET', `/devices/${by.id}/data`, by, undefined, 300_000);
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error('data: ' + answer.status);
    const file = await answer.blob();
    this.count(file.size);
    return file;
  }

  /** erase asks the server to forget a device. It returns when the server has said that it does, or that it knows nothing of it. */
  async erase(by: Known): Promise<void> {
    const answer = await this.ask('DELETE', '/devices/' + by.id, by);
    if (!answer.ok && answer.status !== 404) throw new Error('erase: ' + answer.status);
  }
}

/** An event that the server refuses. */
export interface Rejection {id: string; reason: string}

/** rejectionsOf reads what an answer, or feedback, says was refused. */
export function rejectionsOf(text: string): Rejection[] {
  try {
    const {rejected} = JSON.parse(text) as {rejected?: Partial<Rejection>[]};
    return (Array.isArray(rejected) ? rejected : []).map((r) => ({id: String(r.id ?? ''), reason: String(r.reason ?? '')}));
  } catch {
    return [];
  }
}

/** batchOf is a batch as JSON, made of events that are JSON already. */
export function batchOf(events: Waiting[]): string {
  return `{"v":1,"events":[${events.map((e) => e.body).join(',')}]}`;
}
