// What the phone keeps: the day as it was last read, and what was done that the server does not have yet.
import {type DBSchema, type IDBPDatabase, openDB} from 'idb';

/** An order of the day, as the server tells it. */
export interface Stop {
  id: string;
  version: number;
  number: string;
  state: string;
  title: string;
  n: number;
  photos: string[];
  line: string;
  detail: string;
}

export interface Day {
  person: string;
  crew: string;
  name: string;
  at: string;
  lead: string;
  map: string;
  later: string;
  stops: Stop[];
}

/** Something that was done, until the server has it. */
export interface Deed {
  n?: number; // in the order in which it was done
  key: string; // the server does it once
  stroke: string; // deeds of one form have the same; the first deed's key
  person: string;
  order: string;
  number: string;
  said: string; // when it was done
  strict: boolean; // it needs the order as it was seen
  body?: Record<string, unknown>; // of an action
  photo?: ArrayBuffer;
  taken?: string;
  why?: string; // it is parked: somebody must decide
  version?: number; // of the order then
}

interface Schema extends DBSchema {
  deeds: {key: number; value: Deed};
  seen: {key: string; value: number}; // the version of an order that the next strict deed was done upon
  kept: {key: string; value: unknown};
}

export class Store {
  private constructor(private db: IDBPDatabase<Schema>) {}

  static async open(): Promise<Store> {
    return new Store(await openDB<Schema>('streetpulse-crew', 1, {
      upgrade(db) {
        db.createObjectStore('deeds', {keyPath: 'n', autoIncrement: true});
        db.createObjectStore('seen');
        db.createObjectStore('kept');
      },
    }));
  }

  async day(): Promise<Day | undefined> {
    return (await this.db.get('kept', 'day')) as Day | undefined;
  }

  /** keepDay keeps the day. What was seen of an order stays as long as deeds wait that were done upon it. */
  async keepDay(day: Day): Promise<void> {
    const tx = this.db.transaction(['deeds', 'seen', 'kept'], 'readwrite', {durability: 'strict'});
    const waiting = new Set((await tx.objectStore('deeds').getAll()).map((d) => d.order));
    for (const s of day.stops) if (!waiting.has(s.id)) void tx.objectStore('seen').put(s.version, s.id);
    void tx.objectStore('kept').put(day, 'day');
    await tx.done;
  }

  async forgetDay(): Promise<void> {
    await this.db.delete('kept', 'day');
  }

  /** add keeps deeds, all or none. */
  async add(deeds: Deed[]): Promise<void> {
    const tx = this.db.transaction('deeds', 'readwrite', {durability: 'strict'});
    for (const d of deeds) void tx.store.add(d);
    await tx.done;
  }

  deeds(): Promise<Deed[]> {
    return this.db.getAll('deeds');
  }

  async has(n: number): Promise<boolean> {
    return (await this.db.getKey('deeds', n)) !== undefined;
  }

  /** seen is the version of an order that deeds were done upon; 0: none is known. */
  async seen(order: string): Promise<number> {
    return (await this.db.get('seen', order)) ?? 0;
  }

  /** done forgets a deed that the server has, and notes the version that it left, both or neither. A deed that took the order as it was
   * says nothing of what others did before it. */
  async done(d: Deed, version: number): Promise<void> {
    const tx = this.db.transaction(['deeds', 'seen'], 'readwrite', {durability: 'strict'});
    const seen = (await tx.objectStore('seen').get(d.order)) ?? 0;
    if (d.strict || version === seen + 1) void tx.objectStore('seen').put(version, d.order);
    void tx.objectStore('deeds').delete(d.n!);
    await tx.done;
  }

  async park(d: Deed, why: string, version: number): Promise<void> {
    await this.db.put('deeds', {...d, why, version});
  }

  /** again has a parked deed be sent, upon the order as it is now. */
  async again(d: Deed): Promise<void> {
    const {why: _, version, ...rest} = d;
    const tx = this.db.transaction(['deeds', 'seen'], 'readwrite', {durability: 'strict'});
    if (version) void tx.objectStore('seen').put(version, d.order);
    void tx.objectStore('deeds').put(rest);
    await tx.done;
  }

  async drop(deeds: Deed[]): Promise<void> {
    const tx = this.db.transaction('deeds', 'readwrite', {durability: 'strict'});
    for (const d of deeds) void tx.store.delete(d.n!);
    await tx.done;
  }
}
