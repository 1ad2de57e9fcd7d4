// The queue: as many rows as there are, of which only those in sight are drawn and only stretches around them are read.

export interface Row {
  id: string;
  version: number; // 0: a place that waits for review
  number: string;
  place: string;
  street: string;
  class: string;
  mark: string;
  priority: number;
  with: string;
  due: string;
  late: string;
  failed: boolean;
  size: number;
  lat: number;
  lon: number;
}

export interface Stretch {
  total: number;
  offset: number;
  rows: Row[];
  counts: Record<string, number>; // of the views, where they were asked for
}

const height = 44; // of a row, as --row
const stretch = 100; // rows that are read at once
const spare = 12; // rows drawn out of sight, above and below
const few = 4; // of them are drawn anew when no more than these are left, so that most frames of a scroll draw nothing

// Queue draws the rows. What is chosen in it survives that rows change: it is kept by id. The rows of the selection before stand until
// those of the next have come; they are dead by then.
export class Queue {
  total = 0;
  private stretches = new Map<number, Row[]>();
  private asked = new Map<number, AbortController>();
  private drawn = new Map<number, HTMLLIElement>();
  private idle: HTMLLIElement[] = [];
  private from = 0; // the first row that is drawn
  private to = -1; // the last
  private tall = 0; // the scroller, pixels
  private frame = 0;
  private stale = false; // what is drawn is of the selection before
  private generation = 0;
  current = -1;
  currentID = '';
  picked = new Map<string, Row>();
  private versions = new Map<string, number>();
  private anchor = -1;

  constructor(
    private list: HTMLUListElement,
    private scroller: HTMLElement,
    private read: (offset: number, limit: number, signal: AbortSignal) => Promise<Stretch>,
    private on: {current(row: Row | null): void; picked(): void; read(): void; failed(): void},
  ) {
    scroller.addEventListener('scroll', () => this.scrolled(), {passive: true});
    new ResizeObserver(() => {
      this.tall = scroller.clientHeight;
      this.draw();
    }).observe(scroller);
    list.addEventListener('click', (e) => this.click(e));
  }

  // reload reads everything in sight again, and keeps what is chosen. The other rows are read again when they come into sight.
  async reload(): Promise<void> {
    const generation = ++this.generation;
    for (const a of this.asked.values()) a.abort();
    this.asked.clear();
    const [first, last] = this.stale ? [0, 0] : this.sight();
    const wanted = new Set<number>();
    for (let k = Math.floor(first / stretch); k <= Math.floor(Math.max(first, last) / stretch); k++) wanted.add(k);
    if (this.current >= 0) wanted.add(Math.floor(this.current / stretch));
    try {
      const answers = await Promise.all([...wanted].map((k) => this.read(k * stretch, stretch, new AbortController().signal)));
      if (generation !== this.generation) return;
      this.stretches = new Map(answers.map((a) => [a.offset / stretch, a.rows]));
      this.total = Math.max(...answers.map((a) => (a.rows.length > 0 || a.offset === 0 ? a.total : 0)));
      this.fresh();
      this.settle();
      this.on.read();
    } catch {
      if (generation !== this.generation) return;
      this.fresh();
      this.draw();
      this.on.failed();
    }
  }

  // fresh ends the life of the rows of the selection before.
  private fresh() {
    if (!this.stale) return;
    this.stale = false;
    this.list.removeAttribute('aria-busy');
    this.scroller.scrollTop = 0;
  }

  // settle finds what was chosen among the new rows. Where it has gone, the next one takes its place.
  private settle() {
    const before = this.current;
    for (const [k, rows] of this.stretches) {
      rows.forEach((r, i) => {
        if (this.picked.has(r.id)) this.picked.set(r.id, r);
        if (r.id === this.currentID) this.current = k * stretch + i;
      });
    }
    if (this.anchor >= 0) this.anchor += this.current - before; // what lies between moved along
    if (this.total === 0) this.current = -1;
    else this.current = Math.min(Math.max(this.current, 0), this.total - 1);
    const row = this.at(this.current);
    const same = row?.id === this.currentID;
    if (row && !same) {
      this.currentID = row.id;
      this.on.current(row);
    } else if (!row && this.current < 0 && this.currentID) {
      this.currentID = '';
      this.on.current(null);
    }
    this.on.picked();
    this.draw(true);
  }

  // reset forgets every row: what is read next is another list.
  reset() {
    this.generation++;
    for (const a of this.asked.values()) a.abort();
    this.asked.clear();
    this.stretches.clear();
    this.current = 0;
    this.currentID = '';
    this.stale = true;
    this.list.setAttribute('aria-busy', 'true');
    this.clear();
  }

  at(index: number): Row | null {
    return this.stretches.get(Math.floor(index / stretch))?.[index % stretch] ?? null;
  }

  get row(): Row | null {
    return this.at(this.current);
  }

  // sight returns the first and the last row in sight, and more around them.
  private sight(more = spare): [number, number] {
    const top = this.scroller.scrollTop;
    return [Math.max(0, Math.floor(top / height) - more), Math.min(this.total - 1, Math.ceil((top + this.tall) / height) + more)];
  }

  private scrolled() {
    const [first, last] = this.sight(few);
    if (first < this.from || last > this.to) this.draw();
  }

  // draw draws what is in sight, once a frame.
  draw(again = false) {
    if (again) this.drawn.forEach((li) => (li.dataset.key = ''));
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.stale) this.drawNow();
    });
  }

  private drawNow() {
    this.list.style.height = this.total * height + 'px';
    const [first, last] = [this.from, this.to] = this.sight();
    for (const [i, li] of this.drawn) {
      if (i >= first && i <= last) continue;
      this.drawn.delete(i);
      this.idle.push(li);
    }
    for (let i = first; i <= last; i++) {
      let li = this.drawn.get(i);
      if (!li) {
        li = this.idle.pop() ?? this.make();
        li.dataset.key = '';
        this.drawn.set(i, li);
        li.style.transform = `translateY(${i * height}px)`;
        li.id = 'row-' + i;
        li.setAttribute('aria-posinset', String(i + 1));
      }
      this.fill(li, i);
    }
    for (const li of this.idle) {
      li.hidden = true;
      li.className = 'qr';
      li.removeAttribute('id');
    }
    const active = this.drawn.get(this.current);
    if (active) this.list.setAttribute('aria-activedescendant', active.id);
    else this.list.removeAttribute('aria-activedescendant');
  }

  private make(): HTMLLIElement {
    const li = document.createElement('li');
    li.setAttribute('role', 'option');
    li.innerHTML = '<span class="box"></span><svg class="mk" width="18" height="18" aria-hidden="true"><use></use></svg><span class="pr"></span><span class="wd"><b></b><span class="q"></span></span><span class="who q"></span><span class="due"></span>';
    this.list.append(li);
    return li;
  }

  private fill(li: HTMLLIElement, i: number) {
    const r = this.at(i);
    if (!r) this.ask(Math.floor(i / stretch));
    const picked = r !== null && this.picked.has(r.id);
    const key = `${this.generation} ${r?.id} ${r?.version} ${picked} ${i === this.current} ${this.total}`;
    li.hidden = false;
    if (li.dataset.key === key) return;
    li.dataset.key = key;
    li.setAttribute('aria-setsize', String(this.total));
    li.setAttribute('aria-selected', String(picked));
    const fresh = r !== null && r.version > (this.versions.get(r.id) ?? r.version);
    li.className = 'qr' + (picked ? ' picked' : '') + (i === this.current ? ' cur' : '') + (r ? '' : ' wait') + (fresh ? ' fresh' : '');
    if (r) this.versions.set(r.id, r.version);
    li.dataset.id = r?.id ?? '';
    const [, mark, priority, words, who, due] = li.children as unknown as HTMLElement[];
    const drawing = r ? '#s-' + r.mark : '';
    if (mark!.firstElementChild!.getAttribute('href') !== drawing) {
      mark!.setAttribute('class', 'mk c-' + (r?.mark === 'progress' ? 'ordered' : (r?.mark ?? 'dismissed')));
      mark!.firstElementChild!.setAttribute('href', drawing);
    }
    say(priority!, r ? String(r.priority) : '');
    say(words!.firstElementChild!, r?.street ?? '…');
    say(words!.lastElementChild!, r?.class ?? '');
    say(who!, r?.with ?? '');
    say(due!, r?.due ?? '');
    due!.className = 'due ' + (r?.late ?? '');
  }

  private ask(k: number) {
    if (this.asked.has(k)) return;
    const abort = new AbortController();
    this.asked.set(k, abort);
    const generation = this.generation;
    this.read(k * stretch, stretch, abort.signal).then((a) => {
      if (generation !== this.generation) return;
      this.asked.delete(k);
      if (a.rows.length === 0 && a.offset > 0) return; // the list has become shorter: it is read again soon
      this.stretches.set(k, a.rows);
      this.total = a.total;
      this.draw();
      const row = this.row;
      if (row && row.id !== this.currentID) {
        this.currentID = row.id;
        this.on.current(row);
      }
    }, () => {
      this.asked.delete(k);
    });
  }

  // go chooses a row and brings it into sight.
  go(index: number, extend = false) {
    if (this.total === 0) return;
    index = Math.max(0, Math.min(this.total - 1, index));
    if (extend) {
      if (this.anchor < 0) this.anchor = this.current;
      const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
      this.picked.clear();
      for (let i = from; i <= to; i++) {
        const r = this.at(i);
        if (r) this.picked.set(r.id, r);
      }
      this.on.picked();
    } else this.anchor = -1;
    this.current = index;
    const top = index * height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + height > this.scroller.scrollTop + this.scroller.clientHeight) this.scroller.scrollTop = top + height - this.scroller.clientHeight;
    const row = this.row;
    this.currentID = row?.id ?? '';
    this.on.current(row);
    this.draw();
  }

  // jump chooses a row that may not have been read yet.
  jump(index: number, row: Row) {
    this.total = Math.max(this.total, index + 1);
    this.go(index);
    if (this.currentID === row.id) return;
    this.currentID = row.id;
    this.on.current(row);
  }

  // find chooses the row with an id, where it has been read.
  find(id: string): boolean {
    for (const [k, rows] of this.stretches) {
      const i = rows.findIndex((r) => r.id === id);
      if (i >= 0) {
        this.go(k * stretch + i);
        return true;
      }
    }
    return false;
  }

  toggle(index = this.current) {
    const r = this.at(index);
    if (r) this.pick(r);
  }

  // pick selects a row together with others, or no longer.
  pick(r: Row) {
    if (!this.picked.delete(r.id)) this.picked.set(r.id, r);
    this.on.picked();
    this.draw();
  }

  clear() {
    this.picked.clear();
    this.anchor = -1;
    this.on.picked();
    this.draw();
  }

  private click(e: MouseEvent) {
    if (this.stale) return;
    const li = e.target instanceof Element ? e.target.closest<HTMLLIElement>('li') : null;
    if (!li) return;
    const index = Number(li.id.slice(4));
    if (e.target instanceof Element && e.target.closest('.box') || e.ctrlKey || e.metaKey) this.toggle(index);
    else this.go(index, e.shiftKey);
  }
}

// say writes words where others stand: a row that comes to hand again often has the same.
function say(el: Element, words: string) {
  if (el.textContent !== words) el.textContent = words;
}
