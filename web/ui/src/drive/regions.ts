// The watch lists of the cells around: what passing phones are asked. The server learns of a phone's whereabouts no more than which
// cells of about 5 km² it asks about.
import {gridDisk, latLngToCell} from 'h3-js';
import type {Store, WatchList, Watched} from './store.ts';

const resolution = 7;
const fresh = 12 * 3600; // seconds for which a list need not be sent again: in a dense city the cells around weigh 120 kB
const kept = 2 * 86400; // and for which it is gone by where there is no network; the server takes answers for three days

export class Regions {
  private lists = new Map<string, WatchList>();
  around: string[] = [];

  constructor(private store: Store) {}

  async load(): Promise<void> {
    const now = Date.now() / 1000;
    const old: string[] = [];
    for (const list of await this.store.lists()) {
      if (now - list.at > kept) old.push(list.cell);
      else this.lists.set(list.cell, list);
    }
    await this.store.dropLists(old);
  }

  /** move says where the phone is. It returns whether that changes which cells are around. */
  move(lat: number, lon: number): boolean {
    const cell = latLngToCell(lat, lon, resolution);
    if (cell === this.around[0]) return false;
    this.around = [cell, ...gridDisk(cell, 1).filter((c) => c !== cell)];
    return true;
  }

  /** take keeps a list as it was published. It returns its places, undefined where it cannot be read. */
  async take(cell: string, text: string): Promise<Watched[] | undefined> {
    const places = parse(text);
    if (!places) return undefined;
    const list = {cell, at: Date.now() / 1000, places};
    this.lists.set(cell, list);
    await this.store.keepList(list);
    return places;
  }

  isFresh(cell: string): boolean {
    const list = this.lists.get(cell);
    return list !== undefined && Date.now() / 1000 - list.at < fresh;
  }

  /** near returns the lists of the cells around that are known. */
  near(): WatchList[] {
    return this.around.map((c) => this.lists.get(c)).filter((l) => l !== undefined);
  }

  forget(store: Store): void {
    this.store = store;
    this.lists.clear();
    this.around = [];
  }
}

/** parse reads a watch list. What is no place is left out. */
export function parse(text: string): Watched[] | undefined {
  try {
    const list = JSON.parse(text) as {v?: unknown; places?: unknown};
    if (list.v !== 1 || !Array.isArray(list.places)) return undefined;
    return (list.places as Partial<Watched>[]).filter((p): p is Watched => typeof p.id === 'string' &&
      [p.lat, p.lon, p.heading_deg, p.radius_m].every((x) => typeof x === 'number' && Number.isFinite(x)));
  } catch {
    return undefined;
  }
}
