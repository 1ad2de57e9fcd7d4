// What is drawn, which corner is in hand, and what was before. It knows no map.
import {type Corner, type Ring} from './shape.ts';

export interface Chosen {
  ring: number;
  at: number;
}

const mostSteps = 200; // that can be undone

export class Drawing {
  rings: Ring[] = [];
  chosen: Chosen | null = null;
  private before: Ring[][] = [];

  get corner(): Corner | null {
    return this.chosen ? this.rings[this.chosen.ring]![this.chosen.at]! : null;
  }

  get corners(): number {
    return this.rings.reduce((n, r) => n + r.length, 0);
  }

  get undoable(): boolean {
    return this.before.length > 0;
  }

  // set replaces all that is drawn.
  set(rings: Ring[]) {
    this.rings = rings;
    this.chosen = null;
  }

  // mark keeps what is drawn now, for undo.
  mark() {
    this.before.push(this.rings.map((r) => [...r]));
    if (this.before.length > mostSteps) this.before.shift();
  }

  undo() {
    const rings = this.before.pop();
    if (rings) this.set(rings);
  }

  // add sets a corner after the one in hand, or begins a ring where none is.
  add(c: Corner) {
    this.mark();
    if (this.chosen) {
      const {ring, at} = this.chosen;
      this.rings[ring]!.splice(at + 1, 0, c);
      this.chosen = {ring, at: at + 1};
    } else {
      this.rings.push([c]);
      this.chosen = {ring: this.rings.length - 1, at: 0};
    }
  }

  // move puts the corner in hand elsewhere.
  move(c: Corner) {
    if (this.chosen) this.rings[this.chosen.ring]![this.chosen.at] = c;
  }

  // drop takes the corner in hand away; the one before it comes to hand.
  drop() {
    if (!this.chosen) return;
    this.mark();
    const {ring, at} = this.chosen;
    const corners = this.rings[ring]!;
    corners.splice(at, 1);
    if (corners.length > 0) this.chosen = {ring, at: (at - 1 + corners.length) % corners.length};
    else {
      this.rings.splice(ring, 1);
      this.chosen = null;
    }
  }

  clear() {
    this.mark();
    this.set([]);
  }

  // step takes the next corner to hand, through all rings, or the one before.
  step(by: 1 | -1) {
    const all = this.rings.flatMap((r, ring) => r.map((_, at) => ({ring, at})));
    if (all.length === 0) return;
    const now = all.findIndex((c) => c.ring === this.chosen?.ring && c.at === this.chosen.at);
    this.chosen = all[(now < 0 ? (by > 0 ? 0 : -1) : now + by + all.length) % all.length] ?? all.at(-1)!;
  }
}
