// How events reach the server: MQTT over WebSocket at QoS 1, and over HTTP where that does not get through. An event leaves the queue
// when the server has said that it is stored; sent twice, it is stored once.
import mqtt, {type IClientOptions, type MqttClient} from 'mqtt';
import {type Account, Refused, type Rejection, batchOf, rejectionsOf} from './account.ts';
import type {Link} from './messages.ts';
import type {Regions} from './regions.ts';
import type {Device, Store, Watched} from './store.ts';

const most = 50; // events in a batch
const mostBytes = 100_000;
const first = 1000; // ms before the second attempt, doubled up to
const last = 60_000;
const rest = 20_000; // ms without anything to do after which the connection is closed, unless a drive is on
const blocked = 600_000; // ms before a WebSocket is tried again where HTTP went through and it did not
const seldom = 900_000; // ms between two turns over HTTP without anything to send
const overHead = 60; // bytes of a message's frames, TLS and TCP, about
const root = 'streetpulse/v1/';

/** What the post needs to tell. */
export interface Hooks {
  link(link: Link): void;
  sent(n: number): void;
  refused(events: Rejection[]): Promise<void>;
  list(cell: string, places: Watched[]): void;
  connected(device: Device, news: boolean): Promise<void>; // at the beginning of each connection, and when there are news
  count(bytes: number): void;
}

export class Post {
  driving = false;
  private client?: MqttClient;
  private waits: {done: () => void; pause: boolean}[] = [];
  private woken = true; // by the page that opens
  private tries = 0;
  private asked = new Set<string>(); // cells subscribed to on this connection
  private blockedTo = 0; // until when no WebSocket is tried
  stopped = false;

  constructor(private store: Store, private account: Account, private regions: Regions, private hooks: Hooks) {}

  /** wake says that there is something to do; now, that the network may be back as well. */
  wake(now = false): void {
    this.woken = true;
    if (now) this.tries = this.blockedTo = 0;
    this.stir(now);
  }

  private stir(now: boolean): void {
    const waits = this.waits;
    this.waits = waits.filter((w) => w.pause && !now);
    for (const w of waits) if (!w.pause || now) w.done();
  }

  /** run works for ever: where it fails, it tries again later and later. */
  async run(): Promise<never> {
    for (;;) {
      try {
        while (this.stopped || (!this.woken && !this.driving && (await this.store.waiting()) === 0)) await this.wait(Infinity);
        this.woken = false;
        await this.turn();
        this.tries = 0;
      } catch (e) {
        if (this.stopped) continue;
        if (e instanceof Refused) {
          this.stopped = true;
          this.hooks.link('unknown');
          continue;
        }
        this.tries++;
        this.hooks.link('none');
        const pause = Math.min(last, first * 2 ** (this.tries - 1));
        await this.wait(pause / 2 + (Math.random() * pause) / 2, true);
      }
    }
  }

  /** wait waits for so long, or until there is something to do; a pause, until the network may be back. */
  private wait(ms: number, pause = false): Promise<void> {
    return new Promise((done) => {
      const timer = Number.isFinite(ms) ? setTimeout(done, ms) : 0;
      this.waits.push({pause, done: () => {
        clearTimeout(timer);
        done();
      }});
    });
  }

  /** turn connects, sends what waits, and stays while there is something to do. */
  private async turn(): Promise<void> {
    const device = await this.account.known();
    if (!device.broker || performance.now() < this.blockedTo) return this.overHTTP(device);
    let client: MqttClient;
    try {
      client = await this.connect(device);
    } catch (e) {
      await this.account.outcomes(device); // throws Refused where that is why
      if (this.tries < 1) throw e;
      this.blockedTo = performance.now() + blocked; // something on the way lets no WebSocket through
      return this.overHTTP(device);
    }
    let closed = false;
    client.once('close', () => {
      closed = true;
      this.stir(false);
    });
    this.client = client;
    this.asked.clear();
    this.hooks.link('on');
    try {
      await this.greet(client, device);
      for (let idle = performance.now(); !closed; ) {
        this.woken = false;
        await this.subscribe(client);
        if (await this.drain(client, device)) idle = performance.now();
        else if (!this.driving && performance.now() - idle >= rest) break;
        else if (!this.woken && !closed) await this.wait(this.driving ? Infinity : rest);
      }
      if (closed) throw new Error('the connection was lost');
      await client.publishAsync(this.own(device, 'status'), status(false, 0, await this.store.get('revision')), {qos: 1, retain: true});
      this.hooks.link('resting');
    } finally {
      this.client = undefined;
      client.end(true);
    }
  }

  private own(device: Device, name: string): string {
    return `${root}devices/${device.id}/${name}`;
  }

  private async connect(device: Device): Promise<MqttClient> {
    const revision = await this.store.get('revision');
    const options: IClientOptions = {
      clientId: device.id, username: device.id, password: device.secret, protocolVersion: 5, clean: true, keepalive: 60, reconnectPeriod: 0,
      connectTimeout: 20_000, resubscribe: false,
      will: {topic: this.own(device, 'status'), payload: status(false, 0, revision), qos: 1, retain: true},
      createWebsocket: (url, protocols) => this.counted(new WebSocket(url, protocols)),
    };
    const client = mqtt.connect(location.origin.replace(/^http/, 'ws') + '/mqtt', options);
    return new Promise((done, fail) => {
      const failed = (why?: unknown) => {
        client.end(true);
        fail(why instanceof Error ? why : new Error('no connection'));
      };
      client.once('close', failed);
      client.on('error', failed); // stays, or a later error would have no listener
      client.once('connect', () => {
        client.off('close', failed);
        done(client);
      });
    });
  }

  private counted(socket: WebSocket): WebSocket {
    const send = socket.send.bind(socket);
    socket.send = (data) => {
      this.hooks.count((data as Uint8Array).byteLength + overHead);
      send(data);
    };
    socket.addEventListener('message', (e) => this.hooks.count(((e.data as ArrayBuffer).byteLength ?? 0) + overHead));
    return socket;
  }

  /** greet says that the phone is there, and listens for what is for it. */
  private async greet(client: MqttClient, device: Device): Promise<void> {
    client.on('message', (topic, payload) => void this.hear(topic, payload.toString(), device));
    await client.subscribeAsync([this.own(device, 'feedback'), root + 'detector/phone'], {qos: 1});
    await this.present(client, device);
    await this.hooks.connected(device, false);
  }

  private async present(client: MqttClient, device: Device): Promise<void> {
    const [waiting, revision] = await Promise.all([this.store.waiting(), this.store.get('revision')]);
    await client.publishAsync(this.own(device, 'status'), status(true, waiting, revision), {qos: 1, retain: true});
  }

  /** say says anew what this phone is, where it is connected: a drive has begun. */
  say(): void {
    const {client} = this;
    const {device} = this.account;
    if (client && device) this.present(client, device).catch(() => undefined); // the next connection says it
  }

  /** subscribe asks for the lists of the cells around that are not fresh. Each is asked for until it has come. */
  private async subscribe(client: MqttClient): Promise<void> {
    for (const cell of this.regions.around.filter((c) => !this.asked.has(c) && !this.regions.isFresh(c))) {
      this.asked.add(cell);
      await client.subscribeAsync(watchOf(cell), {qos: 0});
    }
  }

  private async hear(topic: string, text: string, device: Device): Promise<void> {
    const region = /\/regions\/([0-9a-f]{15})\/watch$/.exec(topic)?.[1];
    if (region) {
      this.client?.unsubscribe(topic);
      const places = await this.regions.take(region, text);
      if (places) this.hooks.list(region, places);
    } else if (topic.endsWith('/detector/phone')) {
      try {
        await this.store.set('parameters', JSON.parse(text) as object); // the detector checks them when a drive begins
      } catch {
        // what cannot be read is as if it had not come
      }
    } else if (topic.endsWith('/feedback')) {
      await this.hooks.refused(rejectionsOf(text));
      if (/"(outcomes|health)"/.test(text)) await this.hooks.connected(device, true);
    }
  }

  /** drain sends what waits; it returns whether anything did. */
  private async drain(client: MqttClient, device: Device): Promise<boolean> {
    let any = false;
    for (;;) {
      const batch = await this.store.oldest(most, mostBytes);
      if (batch.length === 0) {
        this.tries = 0;
        return any;
      }
      any = true;
      await acknowledged(client, this.own(device, 'events'), batchOf(batch));
      await this.store.sent(batch);
      this.hooks.sent(batch.length);
    }
  }

  private async overHTTP(device: Device): Promise<void> {
    for (let batch; (batch = await this.store.oldest(most, mostBytes)).length > 0; ) {
      const refused = await this.account.send(device, batch);
      await this.store.sent(batch);
      await this.hooks.refused(refused);
      this.hooks.sent(batch.length);
    }
    await this.hooks.connected(device, false);
    this.hooks.link('resting');
    if (this.driving && !this.woken) await this.wait(seldom);
  }

  /** forget closes the connection and begins anew with an empty store. */
  forget(store: Store): void {
    this.store = store;
    this.client?.end(true);
  }

  /** resume goes on after forgetting: with nothing to do. */
  resume(): void {
    this.stopped = this.woken = false;
    this.tries = 0;
  }
}

/** acknowledged publishes and returns when the server has acknowledged it, or throws when the connection ends first. */
function acknowledged(client: MqttClient, topic: string, payload: string): Promise<void> {
  return new Promise((done, fail) => {
    const lost = () => fail(new Error('the connection was lost'));
    client.once('close', lost);
    client.publishAsync(topic, payload, {qos: 1}).then(() => done(), fail).finally(() => client.off('close', lost));
  });
}

function watchOf(cell: string): string {
  return `${root}regions/${cell}/watch`;
}

function status(online: boolean, queued: number, detector = 0): string {
  return JSON.stringify({online, app: 'drive', queued, ...(detector > 0 && {detector})});
}
