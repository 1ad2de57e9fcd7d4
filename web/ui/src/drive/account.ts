// The phone's credentials: it enrols itself, renews its secret, and asks to be forgotten. All over HTTP.
import type {Outcome} from './messages.ts';
import type {Device, Known, Store, Waiting} from './store.ts';

const renewAfter = 30 * 86400; // seconds
const headers = 500; // bytes of headers both ways, about

/** Refused means that the server does not know this phone, or no longer. */
export class Refused extends Error {}

export class Account {
  device?: Device;

  constructor(private store: Store, private lang: string, private count: (bytes: number) => void) {}

  async load(): Promise<void> {
    this.device = await this.store.get('device');
  }

  private async ask(method: string, path: string, by?: Known, body?: string, patience = 30_000): Promise<Response> {
    const answer = await fetch('/api/v1' + path, {
      method, body, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(patience),
      headers: {...(body && {'Content-Type': 'application/json'}), ...(by && {Authorization: 'Basic ' + btoa(by.id + ':' + by.secret)})},
    });
    this.count(headers + (body?.length ?? 0) + Number(answer.headers.get('Content-Length') ?? 0));
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
    this.device = undefined;
  }

  /** send sends a batch; it returns when the server has it. */
  async send(device: Device, batch: Waiting[]): Promise<void> {
    const answer = await this.ask('POST', '/events', device, batchOf(batch));
    if (!answer.ok) throw new Error('send: ' + answer.status);
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

/** batchOf is a batch as JSON, made of events that are JSON already. */
export function batchOf(events: Waiting[]): string {
  return `{"v":1,"events":[${events.map((e) => e.body).join(',')}]}`;
}
