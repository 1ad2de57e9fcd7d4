// The drive page's worker: it feels, keeps and sends. It works while its page is open, and nobody else's does: one tab at a time.
import {Account, Refused, type Rejection} from './drive/account.ts';
import {Feeling, load} from './drive/feeling.ts';
import type {DriveState, Link, News, Order, Outcome, Settings, Status, Summary} from './drive/messages.ts';
import {Post} from './drive/post.ts';
import {Recorder, csv} from './drive/recorder.ts';
import {Regions} from './drive/regions.ts';
import {type Device, type Farewell, type Refusals, Store} from './drive/store.ts';

const standard: Settings = {withhold: 200, record: false};
const showEvery = 200; // ms
const mostRefused = 500; // ids of refused events that are remembered
const askEvery = 600_000; // ms between two looks at what became of things, however often the network is lost

const tell = (news: News) => postMessage(news);

class Worker {
  private link: Link = 'resting';
  private linkSince = Date.now() / 1000;
  private bytes = 0; // of this drive
  private settings = standard;
  private outcomes: Outcome[] = [];
  private health = '';
  private recordings: Status['recordings'] = [];
  private feeling?: Feeling;
  private recorder?: Recorder;
  private summary?: Summary;
  private shownAt = 0;
  private counted = 0; // bytes not yet added to what is kept
  private unrecorded = false;
  private shown?: Kept; // what was read of the store last

  private constructor(private store: Store, private account: Account, private regions: Regions, private post: Post, private wasm: string) {}

  static async open(wasm: string, lang: string): Promise<Worker> {
    const store = await Store.open();
    const regions = new Regions(store);
    let worker: Worker;
    const count = (bytes: number) => worker.count(bytes);
    const account = new Account(store, lang, count);
    const post = new Post(store, account, regions, {
      link: (link) => worker.linked(link), sent: () => worker.show(true), count, refused: (events) => worker.refused(events),
      list: (cell, places) => {
        worker.feeling?.watch(cell, places);
        void worker.show(true);
      },
      connected: (device, news) => worker.connected(device, news),
    });
    worker = new Worker(store, account, regions, post, wasm);
    store.room = () => worker.stopRecording();
    await Promise.all([account.load(), regions.load()]);
    worker.settings = {...standard, ...(await store.get('settings'))};
    worker.outcomes = (await store.get('outcomes')) ?? [];
    worker.health = (await store.get('health')) ?? '';
    worker.recordings = await store.recordings();
    if (account.device || (await store.waiting()) > 0 || (await store.get('farewells'))?.length) void worker.run();
    worker.show(true);
    return worker;
  }

  private running = false;

  /** run begins to reach for the server. A phone that has never driven has nothing to say to it. */
  private async run(): Promise<void> {
    if (this.running) return this.post.wake(true);
    this.running = true;
    void this.farewell();
    await this.post.run();
  }

  async obey(order: Order): Promise<void> {
    switch (order.do) {
      case 'start':
        return this.start();
      case 'samples':
        return this.samples(order.rows);
      case 'fix':
        return this.fix(order.fix);
      case 'end':
        return this.end();
      case 'settings':
        this.settings = order.settings;
        await this.store.set('settings', order.settings);
        return this.show(true);
      case 'export':
        return tell({is: 'file', name: `streetpulse-${new Date(order.recording * 1000).toISOString().slice(0, 16).replace(':', '')}.csv`,
          file: await csv(this.store, order.recording)});
      case 'discard':
        await this.store.discard(order.recording);
        this.recordings = await this.store.recordings();
        return this.show(true);
      case 'forget':
        return this.forget();
      case 'enrol':
        return this.enrol();
      case 'data':
        return this.data();
      case 'erase-former':
        await this.store.set('farewells', [...((await this.store.get('farewells')) ?? []), ...((await this.store.get('former')) ?? [])]);
        await this.store.drop('former');
        await this.farewell();
        return this.show(true);
      case 'leave-former':
        await this.store.drop('former');
        return this.show(true);
      case 'online':
        if (this.running) this.post.wake(true);
        return this.farewell();
      case 'open':
    }
  }

  private async start(): Promise<void> {
    if (this.feeling) return;
    const begin = await load(this.wasm);
    const feeling = new Feeling(begin, (await this.store.get('parameters')) ?? null, this.account.device?.id ?? '', this.settings.withhold,
      () => this.account.behind, (event, jolt) => {
      void this.store.add(event, jolt).then(() => {
        this.post.wake();
        return this.show(true);
      });
    });
    for (const l of this.regions.near()) feeling.watch(l.cell, l.places);
    this.recorder = this.settings.record ? new Recorder(this.store) : undefined;
    this.unrecorded = false;
    this.bytes = 0;
    this.summary = {began: 0, ended: 0, jolts: 0, withheld: 0, ignored: 0, driven: 0};
    this.feeling = feeling;
    await quietly(this.store.set('revision', feeling.revision));
    this.post.driving = true;
    this.post.say();
    void this.run();
    tell({is: 'ready', problem: feeling.problem});
    return this.show(true);
  }

  private async samples(rows: Float64Array): Promise<void> {
    if (!this.feeling || !this.summary || rows.length === 0) return;
    this.summary.began ||= rows[0]!;
    this.summary.ended = rows[rows.length - 7]!;
    this.feeling.samples(rows);
    if (this.recorder && !(await this.recorder.samples(rows))) await this.stopRecording();
    if (this.feeling?.state().parked) return this.end();
    return this.show();
  }

  /** stopRecording ends a recording for which there is no room, and makes some for events; false where there is none. */
  private async stopRecording(): Promise<boolean> {
    const {recorder} = this;
    if (!recorder) return false;
    this.recorder = undefined;
    this.unrecorded = true;
    await quietly(recorder.makeRoom());
    return true;
  }

  private fix(fix: Parameters<Feeling['fix']>[0]): void {
    if (!this.feeling) return;
    this.feeling.fix(fix);
    this.recorder?.position(fix);
    if (!this.regions.move(fix.lat, fix.lon)) return;
    for (const l of this.regions.near()) this.feeling.watch(l.cell, l.places);
    this.post.wake();
  }

  private async end(): Promise<void> {
    const {feeling, summary} = this;
    if (!feeling || !summary) return;
    this.feeling = undefined;
    this.post.driving = false;
    let s: DriveState | undefined;
    try {
      feeling.end();
      s = feeling.state();
    } catch {
      // the detector has broken: what it has handed out is kept
    }
    // Whatever the storage does, the drive ends.
    await this.store.keep();
    if (this.recorder && !(await this.recorder.flush())) this.unrecorded = true;
    this.recorder = undefined;
    this.recordings = (await quietly(this.store.recordings())) ?? this.recordings;
    if (s && s.driven > 0) await quietly(this.drove());
    this.post.wake();
    await this.show(true);
    tell({is: 'ended', drive: {...summary, ...(s && {jolts: s.jolts, withheld: s.withheld, ignored: s.ignored, driven: s.driven})}});
  }

  private async drove(): Promise<void> {
    const totals = (await this.store.get('totals')) ?? {drives: 0, jolts: 0, since: Date.now() / 1000};
    await this.store.set('totals', {...totals, drives: totals.drives + 1});
  }

  private linked(link: Link): void {
    if (link !== this.link) this.linkSince = Date.now() / 1000;
    this.link = link;
    void this.show(true);
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.counted += bytes;
  }

  /** refused counts events that the server has refused; one that was sent twice is refused twice. */
  private async refused(events: Rejection[]): Promise<void> {
    if (events.length === 0) return;
    await quietly((async () => {
      const r = (await this.store.get('refusals')) ?? {ids: [], at: 0, time: 0, other: 0, why: ''};
      const fresh = events.filter((e) => !r.ids.includes(e.id));
      if (fresh.length === 0) return;
      const time = fresh.filter((e) => /^time is more than /.test(e.reason));
      await this.store.set('refusals', {
        ids: [...fresh.map((e) => e.id), ...r.ids].slice(0, mostRefused), at: Date.now() / 1000, time: r.time + time.length,
        other: r.other + fresh.length - time.length, why: fresh.find((e) => !time.includes(e))?.reason ?? r.why,
      });
    })());
    await this.show(true);
  }

  private askedAt = -Infinity;

  /** connected is called when the server can be reached: it is asked what became of what was felt. News are when it says that there are. */
  private async connected(device: Device, news: boolean): Promise<void> {
    if (performance.now() - this.askedAt < (news ? 5_000 : askEvery)) return;
    this.askedAt = performance.now();
    ({outcomes: this.outcomes, health: this.health} = await this.account.outcomes(device));
    await this.store.set('outcomes', this.outcomes);
    await this.store.set('health', this.health);
    await this.show(true);
  }

  /** forget deletes everything here, and asks the server to; where it cannot be asked now, that is all that is remembered. */
  private async forget(): Promise<void> {
    await this.end();
    const goodbye: Farewell[] = [...((await this.store.get('farewells')) ?? []), ...((await this.store.get('former')) ?? [])];
    if (this.account.device) goodbye.push({id: this.account.device.id, secret: this.account.device.secret});
    this.post.stopped = true;
    this.store = await this.store.forget();
    this.store.room = () => this.stopRecording();
    this.post.forget(this.store);
    this.regions.forget(this.store);
    this.account.forget(this.store);
    if (goodbye.length > 0) await this.store.set('farewells', goodbye);
    [this.outcomes, this.recordings, this.bytes, this.counted, this.settings, this.askedAt] = [[], [], 0, 0, standard, -Infinity];
    await this.farewell();
    this.counted = 0;
    this.health = '';
    this.post.resume();
    this.link = 'resting';
    await this.show(true);
    const left = (await this.store.get('farewells')) ?? [];
    tell({is: 'forgotten', how: left.length === 0 ? 'done' : left.some((f) => f.refused) ? 'refused' : 'later'});
  }

  /** farewell asks the server to forget who this phone was. Only what it has said it does is done. */
  private async farewell(): Promise<void> {
    const left: Farewell[] = [];
    for (const f of (await this.store.get('farewells')) ?? []) {
      try {
        await this.account.erase(f);
      } catch (e) {
        left.push({id: f.id, secret: f.secret, refused: e instanceof Refused});
      }
    }
    if (left.length > 0) await this.store.set('farewells', left);
    else await this.store.drop('farewells');
  }

  /** data hands out what the server keeps about this phone, and about who it was before. */
  private async data(): Promise<void> {
    const {device} = this.account;
    let any = false;
    for (const by of [...(device ? [device] : []), ...((await this.store.get('former')) ?? [])]) {
      try {
        const file = await this.account.data(by);
        if (!file) continue;
        any = true;
        tell({is: 'file', name: `streetpulse-${by.id}.json`, file});
      } catch (e) {
        return tell({is: 'data', how: e instanceof Refused ? 'refused' : 'away'});
      }
    }
    if (!any) tell({is: 'data', how: 'none'});
    return this.show(true);
  }

  /** enrol makes the phone a new one to the server, which takes nothing from the old one any more. */
  private async enrol(): Promise<void> {
    await this.account.leave();
    this.post.resume();
    this.linked('resting');
    return this.run();
  }

  async show(now = false): Promise<void> {
    if (!now && performance.now() - this.shownAt < showEvery) return;
    this.shownAt = performance.now();
    const kept = (this.shown = (await quietly(this.look())) ?? this.shown);
    if (!kept) return;
    const {waiting, totals, bytes, farewells, former, refusals} = kept;
    const {device} = this.account;
    tell({is: 'status', status: {
      link: this.link, linkSince: this.linkSince, waiting, bytes: this.bytes, allBytes: bytes, settings: this.settings,
      ...(device && {device: {id: device.id, since: device.since}}), totals,
      outcomes: this.outcomes, health: this.health, recordings: this.recordings, farewells: farewells.length, refused: farewells.filter((f) => f.refused).map((f) => f.id), former, lists: this.regions.near().length,
      ...(this.feeling && {drive: this.feeling.state()}), behind: this.account.behind ?? 0,
      ...(refusals && {refusals}), trouble: this.store.trouble, unrecorded: this.unrecorded,
    }});
  }

  private async look(): Promise<Kept> {
    const [waiting, totals, bytes, farewells, former, refusals] = await Promise.all([
      this.store.waiting(), this.store.get('totals'), this.store.get('bytes'), this.store.get('farewells'), this.store.get('former'),
      this.store.get('refusals')]);
    const all = (bytes ?? 0) + this.counted;
    if (this.counted > 0) {
      this.counted = 0;
      await quietly(this.store.set('bytes', all));
    }
    return {waiting, totals: totals ?? {drives: 0, jolts: 0, since: 0}, bytes: all, farewells: farewells ?? [],
      former: (former ?? []).map((f) => f.id), refusals};
  }
}

/** What is shown of the store. */
interface Kept {waiting: number; totals: Status['totals']; bytes: number; farewells: Farewell[]; former: string[]; refusals?: Refusals}

/** quietly goes on where the storage fails: undefined then. */
async function quietly<T>(what: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await what;
  } catch {
    return undefined;
  }
}

// Orders are obeyed one after the other.
let done: Promise<unknown> = Promise.resolve();
let worker: Worker | undefined;

async function obey(order: Order): Promise<void> {
  try {
    if (order.do === 'open') {
      await mine();
      worker = await Worker.open(order.wasm, order.lang);
    } else {
      await worker?.obey(order);
    }
  } catch (e) {
    tell({is: 'failed', what: `${order.do}: ${e instanceof Error ? e.message : String(e)}`});
  }
}

/** mine waits until no other tab drives: two would take each other's connection away. */
function mine(): Promise<void> {
  if (!navigator.locks) return Promise.resolve();
  return new Promise((got) => {
    const held = () => {
      got();
      return new Promise<void>(() => {}); // until the worker ends
    };
    void navigator.locks.request('streetpulse-drive', {ifAvailable: true}, (lock) => {
      if (lock) return held();
      tell({is: 'failed', what: 'elsewhere'});
      void navigator.locks.request('streetpulse-drive', held);
      return undefined;
    });
  });
}

onmessage = (e: MessageEvent<Order>) => {
  done = done.then(() => obey(e.data));
};
