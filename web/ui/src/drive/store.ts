// What the phone keeps: events until the server has them, its own credentials, settings, and recordings.
import {type DBSchema, type IDBPDatabase, deleteDB, openDB} from 'idb';
import type {Outcome, Settings} from './messages.ts';

/** An event as it will be sent; early: before it was known whether the phone's clock is right. */
export interface Waiting {id: string; body: string; early?: boolean}

/** Refused is what the server has refused: how many events for their times, and for other reasons. */
export interface Refusals {ids: string[]; at: number; time: number; other: number; why: string}

export interface Device {id: string; secret: string; since: number; renewed: number; broker: boolean}

/** Known is what a device shows to the server. */
export interface Known {id: string; secret: string}

/** A device to be forgotten; refused: the server does not take its secret, and has not said that it is gone. */
export interface Farewell extends Known {refused?: boolean}

/** A watched place, as the lists have it. */
export interface Watched {id: string; lat: number; lon: number; heading_deg: number; radius_m: number}

export interface WatchList {cell: string; at: number; places: Watched[]}

/** What is kept under a name. */
interface Kept {
  device: Device;
  settings: Settings;
  totals: {drives: number; jolts: number; since: number};
  bytes: number;
  outcomes: Outcome[];
  health: string;
  clock: number; // s by which the phone's clock is behind; not there: not known
  refusals: Refusals;
  parameters: object;
  revision: number; // of the detector's parameters on the last drive; 0: they have none
  farewells: Farewell[]; // devices that the server must still be asked to forget
  former: Known[]; // devices that this phone was before, of which the server may still keep something
}

interface Schema extends DBSchema {
  events: {key: string; value: Waiting};
  kept: {key: string; value: unknown};
  lists: {key: string; value: WatchList};
  rows: {key: [number, number]; value: {drive: number; n: number; rows: ArrayBuffer}};
}

const name = 'streetpulse-drive';

/** A recorded row: a sample, and the position that came with it. */
export const recordedSize = 12;

/** Why events are in memory alone: the storage is full, or the browser does not give it. */
export type Trouble = '' | 'full' | 'broken';

interface Added {event: Waiting; jolt: boolean}

const again = 5000; // ms before what could not be kept is tried again

export class Store {
  trouble: Trouble = '';
  room?: () => Promise<boolean>; // gives up something that matters less than events; false where there is nothing
  private unkept: Added[] = []; // in memory alone, oldest first
  private keeping: Promise<void> = Promise.resolve();
  private retry?: ReturnType<typeof setTimeout>;
  private reopening?: Promise<void>;

  private constructor(private db: IDBPDatabase<Schema>) {}

  static async open(): Promise<Store> {
    return new Store(await connect());
  }

  /** use does something with the database. Browsers lose theirs now and then: then it is opened anew, and the same done again. */
  private async use<T>(what: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    try {
      return await what(this.db);
    } catch (e) {
      if (isFull(e)) throw e;
      this.reopening ??= connect().then((db) => {
        this.db.close();
        this.db = db;
      }).finally(() => (this.reopening = undefined));
      await this.reopening;
      return what(this.db);
    }
  }

  get<K extends keyof Kept>(key: K): Promise<Kept[K] | undefined> {
    return this.use((db) => db.get('kept', key)) as Promise<Kept[K] | undefined>;
  }

  async set<K extends keyof Kept>(key: K, value: Kept[K]): Promise<void> {
    await this.use((db) => db.put('kept', value, key));
  }

  async drop(key: keyof Kept): Promise<void> {
    await this.use((db) => db.delete('kept', key));
  }

  /** add queues an event, in memory where the database does not take it. It never fails. */
  add(event: Waiting, jolt: boolean): Promise<void> {
    this.unkept.push({event, jolt});
    return this.keep();
  }

  /** keep puts into the database what is in memory alone; what does not go in stays, and is tried again. */
  keep(): Promise<void> {
    return (this.keeping = this.keeping.then(async () => {
      clearTimeout(this.retry);
      for (let next; (next = this.unkept[0]); ) {
        try {
          await this.use((db) => put(db, next));
        } catch (e) {
          if (isFull(e) && (await this.room?.())) continue;
          this.trouble = isFull(e) ? 'full' : 'broken';
          this.retry = setTimeout(() => void this.keep(), again);
          return;
        }
        this.unkept = this.unkept.filter((u) => u !== next);
      }
      this.trouble = '';
    }));
  }

  async waiting(): Promise<number> {
    return this.unkept.length + (await this.use((db) => db.count('events')).catch(this.nothing(0)));
  }

  /** nothing is what the database has where it does not answer and there are events in memory to go on with. */
  private nothing<T>(value: T): (e: unknown) => T {
    return (e) => {
      if (this.unkept.length === 0) throw e;
      return value;
    };
  }

  /** oldest returns the events that have waited longest: so many, and no more bytes than that. */
  async oldest(most: number, bytes: number): Promise<Waiting[]> {
    const kept = await this.use((db) => db.getAll('events', null, most)).catch(this.nothing([] as Waiting[]));
    const all = [...kept, ...this.unkept.map((u) => u.event)].slice(0, most);
    let size = 0;
    return all.filter((e, i) => (size += e.body.length) <= bytes || i === 0);
  }

  async sent(events: Waiting[]): Promise<void> {
    await this.keeping; // or one of them would be put in afterwards
    const held = new Set(this.unkept.map((u) => u.event.id));
    const ids = new Set(events.map((e) => e.id));
    this.unkept = this.unkept.filter((u) => !ids.has(u.event.id));
    const kept = events.filter((e) => !held.has(e.id));
    if (kept.length === 0) return;
    await this.use(async (db) => {
      const tx = db.transaction('events', 'readwrite');
      await Promise.all([...kept.map((e) => tx.store.delete(e.id)), tx.done]);
    });
  }

  /** correct sets the times of events right that were felt before the clock was known to be behind by so many seconds. */
  async correct(by: number): Promise<void> {
    await this.keeping;
    const right = (e: Waiting): Waiting => {
      const event = JSON.parse(e.body) as {time: string};
      return {id: e.id, body: JSON.stringify({...event, time: new Date(Date.parse(event.time) + by * 1000).toISOString()})};
    };
    for (const u of this.unkept) if (u.event.early) u.event = right(u.event);
    await this.use(async (db) => {
      const tx = db.transaction('events', 'readwrite');
      const early = (await tx.store.getAll()).filter((e) => e.early);
      await Promise.all([...early.map((e) => tx.store.put(right(e))), tx.done]);
    });
  }

  lists(): Promise<WatchList[]> {
    return this.use((db) => db.getAll('lists'));
  }

  async keepList(list: WatchList): Promise<void> {
    await this.use((db) => db.put('lists', list));
  }

  async dropLists(cells: string[]): Promise<void> {
    await this.use(async (db) => {
      const tx = db.transaction('lists', 'readwrite');
      await Promise.all([...cells.map((c) => tx.store.delete(c)), tx.done]);
    });
  }

  async record(drive: number, n: number, rows: Float64Array): Promise<void> {
    const piece = {drive, n, rows: rows.slice().buffer};
    await this.use((db) => db.put('rows', piece));
  }

  async unrecord(drive: number, n: number): Promise<void> {
    await this.use((db) => db.delete('rows', [drive, n]));
  }

  /** recordings lists what was recorded: id is when it began. */
  recordings(): Promise<{id: number; seconds: number; bytes: number}[]> {
    return this.use(async (db) => {
      const found = new Map<number, {id: number; seconds: number; bytes: number}>();
      for (let cursor = await db.transaction('rows').store.openCursor(); cursor; cursor = await cursor.continue()) {
        const {drive, rows} = cursor.value;
        const r = found.get(drive) ?? {id: drive, seconds: 0, bytes: 0};
        const last = new Float64Array(rows, rows.byteLength - recordedSize * 8, 1)[0]!;
        found.set(drive, {id: drive, seconds: last - drive, bytes: r.bytes + rows.byteLength});
      }
      return [...found.values()];
    });
  }

  /** recorded returns a recording piece by piece; a piece that could not be kept is left out. */
  async *recorded(drive: number): AsyncGenerator<Float64Array> {
    for (const key of await this.use((db) => db.getAllKeys('rows', all(drive)))) {
      const piece = await this.use((db) => db.get('rows', key));
      if (piece) yield new Float64Array(piece.rows);
    }
  }

  async discard(drive: number): Promise<void> {
    await this.use((db) => db.delete('rows', all(drive)));
  }

  /** forget deletes everything. */
  async forget(): Promise<Store> {
    clearTimeout(this.retry);
    this.unkept = [];
    await this.keeping;
    this.db.close();
    await deleteDB(name);
    return Store.open();
  }
}

function connect(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, 1, {
    upgrade(db) {
      db.createObjectStore('events', {keyPath: 'id'});
      db.createObjectStore('kept');
      db.createObjectStore('lists', {keyPath: 'cell'});
      db.createObjectStore('rows', {keyPath: ['drive', 'n']});
    },
  });
}

/** put puts an event in, and counts it where it is a jolt. */
async function put(db: IDBPDatabase<Schema>, {event, jolt}: Added): Promise<void> {
  const tx = db.transaction(['events', 'kept'], 'readwrite', {durability: 'strict'});
  const both = async () => {
    const kept = tx.objectStore('kept');
    const totals = ((await kept.get('totals')) as Kept['totals'] | undefined) ?? {drives: 0, jolts: 0, since: Date.now() / 1000};
    if (jolt) totals.jolts++;
    await Promise.all([tx.objectStore('events').put(event), kept.put(totals, 'totals')]);
  };
  await Promise.all([both(), tx.done]);
}

/** isFull says whether the storage has no room. */
export function isFull(e: unknown): boolean {
  return e instanceof DOMException && e.name === 'QuotaExceededError';
}

const all = (drive: number) => IDBKeyRange.bound([drive, 0], [drive, Infinity]);
