// What the phone keeps: events until the server has them, its own credentials, settings, and recordings.
import {type DBSchema, type IDBPDatabase, deleteDB, openDB} from 'idb';
import type {Outcome, Settings} from './messages.ts';

/** An event as it will be sent. */
export interface Waiting {id: string; body: string}

export interface Device {id: string; secret: string; since: number; renewed: number; broker: boolean}

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
  parameters: object;
  revision: number; // of the detector's parameters on the last drive; 0: they have none
  farewells: {id: string; secret: string}[]; // devices that the server must still be asked to forget
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

export class Store {
  private constructor(private db: IDBPDatabase<Schema>) {}

  static async open(): Promise<Store> {
    return new Store(await openDB<Schema>(name, 1, {
      upgrade(db) {
        db.createObjectStore('events', {keyPath: 'id'});
        db.createObjectStore('kept');
        db.createObjectStore('lists', {keyPath: 'cell'});
        db.createObjectStore('rows', {keyPath: ['drive', 'n']});
      },
    }));
  }

  async get<K extends keyof Kept>(key: K): Promise<Kept[K] | undefined> {
    return (await this.db.get('kept', key)) as Kept[K] | undefined;
  }

  async set<K extends keyof Kept>(key: K, value: Kept[K]): Promise<void> {
    await this.db.put('kept', value, key);
  }

  async drop(key: keyof Kept): Promise<void> {
    await this.db.delete('kept', key);
  }

  /** add queues an event, and counts it where it is a jolt: both or neither. */
  async add(event: Waiting, jolt: boolean): Promise<void> {
    const tx = this.db.transaction(['events', 'kept'], 'readwrite', {durability: 'strict'});
    void tx.objectStore('events').put(event);
    const totals = ((await tx.objectStore('kept').get('totals')) as Kept['totals'] | undefined) ?? {drives: 0, jolts: 0, since: Date.now() / 1000};
    if (jolt) totals.jolts++;
    void tx.objectStore('kept').put(totals, 'totals');
    await tx.done;
  }

  waiting(): Promise<number> {
    return this.db.count('events');
  }

  /** oldest returns the events that have waited longest: so many, and no more bytes than that. */
  async oldest(most: number, bytes: number): Promise<Waiting[]> {
    const all = await this.db.getAll('events', null, most);
    let size = 0;
    return all.filter((e, i) => (size += e.body.length) <= bytes || i === 0);
  }

  async sent(events: Waiting[]): Promise<void> {
    const tx = this.db.transaction('events', 'readwrite');
    for (const e of events) void tx.store.delete(e.id);
    await tx.done;
  }

  lists(): Promise<WatchList[]> {
    return this.db.getAll('lists');
  }

  async keepList(list: WatchList): Promise<void> {
    await this.db.put('lists', list);
  }

  async dropLists(cells: string[]): Promise<void> {
    const tx = this.db.transaction('lists', 'readwrite');
    for (const c of cells) void tx.store.delete(c);
    await tx.done;
  }

  async record(drive: number, n: number, rows: Float64Array): Promise<void> {
    await this.db.put('rows', {drive, n, rows: rows.slice().buffer});
  }

  /** recordings lists what was recorded: id is when it began. */
  async recordings(): Promise<{id: number; seconds: number; bytes: number}[]> {
    const found = new Map<number, {id: number; seconds: number; bytes: number}>();
    for (let cursor = await this.db.transaction('rows').store.openCursor(); cursor; cursor = await cursor.continue()) {
      const {drive, rows} = cursor.value;
      const r = found.get(drive) ?? {id: drive, seconds: 0, bytes: 0};
      const last = new Float64Array(rows, rows.byteLength - recordedSize * 8, 1)[0]!;
      found.set(drive, {id: drive, seconds: last - drive, bytes: r.bytes + rows.byteLength});
    }
    return [...found.values()];
  }

  /** recorded returns a recording piece by piece. */
  async *recorded(drive: number): AsyncGenerator<Float64Array> {
    for (let n = 0; ; n++) {
      const piece = await this.db.get('rows', [drive, n]);
      if (!piece) return;
      yield new Float64Array(piece.rows);
    }
  }

  async discard(drive: number): Promise<void> {
    await this.db.delete('rows', IDBKeyRange.bound([drive, 0], [drive, Infinity]));
  }

  /** forget deletes everything. */
  async forget(): Promise<Store> {
    this.db.close();
    await deleteDB(name);
    return Store.open();
  }
}
