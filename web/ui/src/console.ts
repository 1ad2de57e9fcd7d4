// The dispatchers' console: joins queue, map and detail, and does what keys and dialogs ask for. All of it can also be done without it,
// on the pages of single orders.
import {deedOf} from './console_deed.ts';
import {ConsoleMap} from './console_map.ts';
import {Queue, type Row, type Stretch} from './console_queue.ts';
import {offerReplies} from './console_replies.ts';

const main = document.getElementById('content')!;
const det = document.getElementById('det')!;
const list = document.getElementById('rows') as HTMLUListElement;
const said = document.getElementById('said')!;
const undo = document.getElementById('undo')!;
const bulk = document.getElementById('bulk')!;
const live = document.getElementById('live')!;
const texts = JSON.parse(main.dataset.texts ?? '{}') as Record<string, string>;
const text = (key: string) => texts[key] ?? key;
const language = document.documentElement.lang;
const narrow = matchMedia('(max-width: 1180px)');
const phone = matchMedia('(max-width: 860px)');

let query = new URLSearchParams(main.dataset.query);
let map: ConsoleMap | undefined;

interface Became {
  id: string;
  number: string;
  done: boolean;
  changed: boolean;
  version?: number;
  why?: string;
}

interface Answer {
  done?: number;
  orders?: Became[];
  message?: string;
  detail?: string; // of a problem
}

const fresh = () => crypto.randomUUID?.() ?? String(Math.random()); // there over HTTPS and on this machine only

function tell(words: string, back = false) {
  said.textContent = words;
  undo.hidden = !back;
}

async function read(offset: number, limit: number, signal?: AbortSignal, more: Record<string, string> = {}): Promise<Stretch> {
  const q = new URLSearchParams({...Object.fromEntries(query), ...more, offset: String(offset), limit: String(limit)});
  const answer = await fetch('/console/rows?' + q, signal ? {signal} : {});
  if (!answer.ok || answer.redirected) throw new Error(`rows: ${answer.status}`);
  return (await answer.json()) as Stretch;
}

const queue = new Queue(list, document.getElementById('scroller')!, read, {
  current: (row) => chosen(row),
  picked: () => {
    const n = queue.picked.size;
    bulk.hidden = n === 0;
    document.getElementById('picked')!.textContent = text('selected').replace('{n}', String(n));
    map?.pick([...queue.picked.values()]);
  },
  read: () => {
    document.getElementById('none')!.hidden = queue.total > 0;
    void count();
  },
  failed: () => tell(text('offline')),
});

// count says how many orders each view has. The rows do not wait for it.
let counting = 0;
async function count() {
  const mine = ++counting;
  const stretch = await read(0, 1, undefined, {counts: '1'}).catch(() => null);
  if (!stretch || mine !== counting) return;
  for (const el of document.querySelectorAll<HTMLElement>('[data-count]')) {
    const n = stretch.counts[el.dataset.count!];
    if (n === undefined) continue;
    el.textContent = String(n);
    if (el.dataset.count === 'overdue') el.classList.toggle('late', n > 0);
  }
}

// chosen shows an order beside the list and on the map. Who runs through the list quickly asks for the last one only.
let timer = 0;
let asking: AbortController | undefined;
function chosen(row: Row | null) {
  apart = null;
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    const at = new URL(location.href);
    if (row) at.searchParams.set('order', row.id);
    else at.searchParams.delete('order');
    history.replaceState(null, '', at);
    map?.show(row);
    if (row) void detail(row.version === 0 ? '/console/reviews/' : '/console/orders/', row.id);
  }, 60);
  if (!row) {
    asking?.abort();
    det.replaceChildren();
  }
}

async function detail(path: string, id: string): Promise<void> {
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(`${path}${encodeURIComponent(id)}?part=detail`, {signal: asking.signal});
    if (answer.status === 204) return; // it is not there any more
    if (!answer.ok || answer.redirected) throw new Error(`detail: ${answer.status}`);
    const html = await answer.text();
    const same = shown() === id;
    const top = det.scrollTop;
    const focus = det.contains(document.activeElement);
    det.innerHTML = html;
    det.scrollTop = same ? top : 0;
    if (focus) det.querySelector<HTMLElement>('h1')?.focus({preventScroll: true});
  } catch (e) {
    if (!(e instanceof DOMException)) tell(text('offline'));
  }
}

const shown = () => det.querySelector<HTMLElement>('.det-in')?.dataset.id ?? '';

// apart is an order in hand that the list does not have: it was clicked on in the map, or named in the address.
let apart: Row | null = null;

// targets are the orders that something is done with: those that are selected, else the one in hand.
function targets(): Row[] {
  if (queue.picked.size > 0) return [...queue.picked.values()];
  const row = apart ?? queue.row;
  return row ? [row] : [];
}

async function post(path: string, body: unknown): Promise<{status: number; answer: Answer}> {
  const answer = await fetch('/api/v1' + path, {method: 'POST', headers: {'Content-Type': 'application/json', 'Accept-Language': language}, ...(body === null ? {} : {body: JSON.stringify(body)})});
  return {status: answer.status, answer: (await answer.json()) as Answer};
}

// What one has done oneself one has seen: the versions of it, which rows may not have yet when keys come quickly.
const own = new Map<string, number>();
const note = (orders: Became[] = []) => {
  for (const o of orders) if (o.done && o.version) own.set(o.id, o.version);
};

// act does one thing with orders, says what became of it, and keeps selected those with which it was not done.
async function act(orders: Row[], deed: Record<string, unknown>) {
  try {
    if (orders.some((o) => o.version === 0)) return await decide(orders, deed);
    const {answer} = await post('/orders/actions', {...deed, orders: orders.map((o) => ({id: o.id, version: Math.max(o.version, own.get(o.id) ?? 0)})), key: fresh()});
    note(answer.orders);
    const left = (answer.orders ?? []).filter((o) => !o.done);
    for (const o of answer.orders ?? []) if (o.done) queue.picked.delete(o.id);
    const why = left.find((o) => o.changed)?.why;
    tell((answer.done ?? 0) > 0 ? [answer.message, why].filter(Boolean).join(' ') : (why ?? answer.message ?? answer.detail ?? text('failed')), (answer.done ?? 0) > 0);
  } catch {
    tell(text('failed'));
  }
  await renew();
}

let deciding = false;

// decide decides on places of the review list, one after the other.
async function decide(orders: Row[], deed: Record<string, unknown>) {
  const what = deed.do === 'assign' ? 'accept' : deed.do;
  if (what !== 'accept' && what !== 'dismiss') return tell(text('review'));
  deciding = true; // what one does oneself is read once, at the end
  const stroke = fresh();
  let done = 0;
  const words: string[] = [];
  try {
    for (const o of orders.filter((r) => r.version === 0)) {
      const {status, answer} = await post('/reviews/' + encodeURIComponent(o.id), {do: what, stroke, ...(deed.verdict ? {verdict: deed.verdict} : {}), ...(deed.found ? {found: deed.found} : {}), ...(deed.reason ? {reason: deed.reason} : {})});
      queue.picked.delete(o.id);
      if (status === 200) done++;
      else words.push(answer.detail ?? text('failed'));
      if (status === 200 && done === 1) words.unshift(answer.message ?? '');
    }
  } finally {
    deciding = false;
  }
  if (done > 1) words[0] = text(what === 'accept' ? 'written' : 'taken').replace('{n}', String(done));
  tell([...new Set(words)].join(' '), done > 0);
  await renew();
}

// photograph keeps a photo of each order.
async function photograph(orders: Row[], file: File, taken: string) {
  const stroke = fresh();
  let done = 0;
  let why = '';
  try {
    for (const o of orders) {
      const answer = await fetch(`/api/v1/crew/orders/${encodeURIComponent(o.id)}/photos?taken=${taken}&stroke=${stroke}`, {method: 'POST', headers: {'Content-Type': 'image/jpeg', 'Accept-Language': language}, body: file});
      const said = (await answer.json()) as Answer;
      note(said.orders);
      if (answer.ok) done++;
      if (!answer.ok || !why) why = said.message ?? said.detail ?? '';
    }
    tell(done > 1 && done === orders.length ? text('photos').replace('{n}', String(done)) : why || text('failed'), done > 0);
  } catch {
    tell(text('failed'));
  }
  await renew();
}

async function takeBack() {
  try {
    const {status, answer} = await post('/orders/undo', null);
    note(answer.orders);
    const why = (answer.orders ?? []).find((o) => !o.done)?.why;
    tell(status === 200 ? [answer.message, why].filter(Boolean).join(' ') : (why ?? answer.detail ?? text('failed')));
  } catch {
    tell(text('failed'));
  }
  await renew();
}

// renew reads everything again that is shown.
async function renew() {
  const before = shown();
  await queue.reload();
  map?.refresh();
  const row = apart ?? queue.row;
  if (row && row.id === before) await detail(row.version === 0 ? '/console/reviews/' : '/console/orders/', row.id);
  if (apart) apart = detailRow();
}

// Dialogs.
const dialogOf = (name: string) => document.getElementById('d-' + name) as HTMLDialogElement | null;
let meant: Row[] = [];

function open(name: string) {
  const dialog = dialogOf(name);
  if (!dialog || document.querySelector('dialog[open]')) return;
  if (name !== 'help') {
    meant = targets();
    if (meant.length === 0) return tell(text('nothing'));
    if (name === 'assign' && meant.every((r) => r.version === 0)) return void act(meant, {do: 'accept'});
    if (meant.some((r) => r.version === 0) && name !== 'dismiss') return tell(text('review'));
    const words = meant.length === 1 ? meant[0]!.number : text('selected').replace('{n}', String(meant.length));
    for (const el of dialog.querySelectorAll('[data-targets]')) el.textContent = words;
    dialog.querySelector('form')!.reset();
    const of = dialog.querySelector<HTMLInputElement>('input[name=of]');
    if (of) of.value = meant.length > 1 ? [...meant].sort((a, b) => b.priority - a.priority)[0]!.number : '';
    const known = det.querySelector<HTMLElement>('.det-in')?.dataset;
    if (name === 'refer' && meant.length === 1 && known?.id === meant[0]!.id) dialog.querySelector<HTMLInputElement>('input[name=number]')!.value = known.case ?? '';
    const at = dialog.querySelector<HTMLInputElement>('input[name=at]');
    if (at) {
      const c = map?.centre();
      at.value = name === 'split' && c ? `${c.lat.toFixed(6)}, ${c.lng.toFixed(6)}` : `${meant[0]!.lat}, ${meant[0]!.lon}`;
      main.classList.add('aim');
      dialog.show(); // the map stays at hand
      at.focus();
      return;
    }
    if (name === 'reply') void offerReplies(dialog, meant.length === 1 ? meant[0]!.id : undefined);
    const kind = det.querySelector<HTMLElement>('.det-in')?.dataset.class;
    if (name === 'reclass' && kind) for (const r of dialog.querySelectorAll<HTMLInputElement>('input[name=class]')) r.checked = r.value === kind;
  }
  dialog.showModal();
  if (name === 'repair') return dialog.querySelector<HTMLElement>('button[value=go]')!.focus(); // most of the time it was as ordered
  (dialog.querySelector<HTMLElement>('input:checked') ?? dialog.querySelector<HTMLElement>('input:not([type=hidden]), select, textarea, button'))?.focus();
}

function closed(dialog: HTMLDialogElement) {
  main.classList.remove('aim');
  list.focus({preventScroll: true});
  if (dialog.returnValue !== 'go') return;
  dialog.returnValue = '';
  const form = dialog.querySelector('form')!;
  const f = new FormData(form);
  const deed = deedOf(form.dataset.do, f);
  if (deed.do === 'photo') return void photograph(meant, f.get('photo') as File, String(f.get('taken') ?? ''));
  if (form.dataset.do === 'merge') {
    const keep = String(deed.of);
    meant = meant.filter((r) => r.number.toLowerCase() !== keep.toLowerCase() && r.id !== keep);
    if (meant.length === 0) return tell(text('nothing'));
  }
  if (form.dataset.do !== undefined) void act(meant, deed);
}

for (const dialog of document.querySelectorAll('dialog')) {
  dialog.addEventListener('close', () => closed(dialog));
  dialog.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') dialog.close('');
    if (!(e.target instanceof HTMLInputElement) || e.target.type !== 'radio' || !/^[1-9]$/.test(e.key)) return;
    const radios = dialog.querySelectorAll<HTMLInputElement>('input[type=radio]');
    const choice = radios[Number(e.key) - 1];
    if (!choice) return;
    e.preventDefault();
    choice.checked = true;
    dialog.close('go');
  });
  dialog.querySelector('form')!.addEventListener('keydown', (e) => {
    if (e.key !== 'Enter' || e.isComposing || e.target instanceof HTMLButtonElement || e.target instanceof HTMLTextAreaElement && !e.ctrlKey) return;
    e.preventDefault();
    const form = dialog.querySelector('form')!;
    if (form.reportValidity()) dialog.close(form.dataset.do === undefined ? '' : 'go');
  });
}

// Keys.
const actsByKey: Record<string, string> = {a: 'assign', b: 'start', c: 'reclass', d: 'dismiss', e: 'spend', f: 'photo', i: 'refer', l: 'release', m: 'merge', n: 'note', o: 'reopen',
  p: 'reply', r: 'repair', s: 'split', t: 'take_over', v: 'move', w: 'verify', y: 'accept'};
const atOnce = new Set(['accept', 'start', 'release', 'take_over']); // without a dialog

// perform does something with what is meant, or opens the dialog that asks how.
function perform(name: string) {
  if (!atOnce.has(name)) return open(name);
  const orders = targets();
  if (orders.length === 0) return tell(text('nothing'));
  void act(orders, {do: name});
}

// assignTo assigns to the crew that has a number in the dialog, at once.
function assignTo(n: number) {
  const crew = document.querySelectorAll<HTMLInputElement>('#d-assign input[name=crew]')[n - 1];
  const orders = targets();
  if (!crew) return tell(text('nocrew').replace('{n}', String(n)));
  if (orders.length === 0) return tell(text('nothing'));
  if (orders.some((o) => o.version === 0)) return tell(text('review'));
  void act(orders, crew.value.startsWith('body:') ? {do: 'hand_over', body: crew.value.slice(5)} : {do: 'assign', crew: crew.value});
}

// dismissAtOnce dismisses as nothing that was found.
function dismissAtOnce() {
  const orders = targets();
  if (orders.length === 0) return tell(text('nothing'));
  void act(orders, {do: 'dismiss', verdict: 'not_found'});
}

const keysOn = document.getElementById('keys-on') as HTMLInputElement;
keysOn.checked = localStorage.getItem('console-keys') !== 'off';
keysOn.addEventListener('change', () => localStorage.setItem('console-keys', keysOn.checked ? 'on' : 'off'));
let going = 0; // G was pressed just now

function typing(e: KeyboardEvent): boolean {
  const t = e.target;
  return t instanceof HTMLElement && (t.isContentEditable || t instanceof HTMLTextAreaElement || t instanceof HTMLSelectElement ||
    t instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(t.type));
}

function showMap() {
  if (!narrow.matches) return document.querySelector<HTMLElement>('#canvas canvas')?.focus();
  main.classList.toggle('show-map');
  main.classList.remove('show-det');
  map?.resize();
  map?.show(queue.row);
}

function back() {
  if (main.classList.contains('show-det')) main.classList.remove('show-det');
  else if (main.classList.contains('show-map')) main.classList.remove('show-map');
  else if (det.contains(document.activeElement)) {
    // only the keyboard goes back
  } else if (queue.picked.size > 0) queue.clear();
  list.focus({preventScroll: true});
}

document.addEventListener('keydown', (e) => {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog:modal')) return;
  if (e.key === 'Escape' && !document.querySelector('dialog[open]')) {
    if (typing(e)) return list.focus();
    return back();
  }
  if (typing(e) || document.querySelector('dialog[open]')) return;
  const inList = document.activeElement === list;
  const arrows = inList && (e.key === 'ArrowDown' || e.key === 'ArrowUp' || e.key === 'Home' || e.key === 'End' || e.key === ' ' || e.key === 'PageDown' || e.key === 'PageUp');
  if (!arrows && !keysOn.checked && e.key !== 'Enter') return;
  const went = going && e.timeStamp - going < 1500;
  going = 0;
  const key = e.key.toLowerCase();
  const did = (f: () => void) => {
    e.preventDefault();
    f();
  };
  if (went && /^[1-6]$/.test(key)) return did(() => document.querySelectorAll<HTMLAnchorElement>('.tabs > a')[Number(key) - 1]?.click());
  if (went && key === 'm') return did(showMap);
  if (key === 'g') return void (going = e.timeStamp);
  if (key === 'j' || arrows && key === 'arrowdown') return did(() => step(1, e.shiftKey));
  if (key === 'k' || arrows && key === 'arrowup') return did(() => step(-1, e.shiftKey));
  if (arrows && key === 'pagedown') return did(() => step(12, e.shiftKey));
  if (arrows && key === 'pageup') return did(() => step(-12, e.shiftKey));
  if (arrows && key === 'home') return did(() => queue.go(0));
  if (arrows && key === 'end') return did(() => queue.go(queue.total - 1));
  if (key === 'x' || arrows && key === ' ') return did(() => queue.toggle());
  if (key === 'enter' && (inList || document.activeElement === document.body)) return did(openDetail);
  if (key === 'z') return did(() => void takeBack());
  if (key === '/') return did(() => document.getElementById('cq')!.focus());
  if (key === '?') return did(() => open('help'));
  if (/^[1-9]$/.test(key)) return did(() => assignTo(Number(key)));
  if (key === 'd' && e.shiftKey) return did(dismissAtOnce);
  const name = actsByKey[key];
  if (name && !e.shiftKey) did(() => perform(name));
});

function step(by: number, extend: boolean) {
  queue.go(queue.current + by, extend);
  if (!extend || document.activeElement === document.body) list.focus({preventScroll: true});
}

function openDetail() {
  if (phone.matches) main.classList.add('show-det');
  det.querySelector<HTMLElement>('h1')?.focus();
}

// What is clicked.
document.addEventListener('click', (e) => {
  if (!(e.target instanceof Element) || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey) return;
  const el = e.target.closest<HTMLElement>('[data-act]');
  if (el) {
    e.preventDefault();
    const name = el.dataset.act!;
    if (name === 'undo') void takeBack();
    else if (name === 'clear') queue.clear();
    else if (name === 'map') showMap();
    else if (name === 'back') back();
    else perform(name);
    return;
  }
  const tab = e.target.closest<HTMLAnchorElement>('.tabs > a[data-view]');
  if (tab) {
    e.preventDefault();
    go(new URL(tab.href).searchParams);
    return;
  }
  if (phone.matches && e.target.closest('.qr') && !e.target.closest('.box')) main.classList.add('show-det');
});

// go shows another view, or the same otherwise filtered; keep: what is in hand stays, where it is still listed.
function go(q: URLSearchParams, push = true, keep = false) {
  q.delete('order');
  q.delete('page');
  for (const key of [...q.keys()]) if (!q.get(key)) q.delete(key);
  query = q;
  if (!keep) {
    clearTimeout(timer);
    queue.reset();
  }
  void queue.reload().then(follow);
  if (push) history.pushState(null, '', '/console?' + q);
  else history.replaceState(null, '', '/console?' + q);
  for (const a of document.querySelectorAll<HTMLAnchorElement>('.tabs > a')) {
    if (a.dataset.view === q.get('view')) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  document.querySelector<HTMLInputElement>('.qf input[name=view]')!.value = q.get('view') ?? '';
  document.querySelector<HTMLInputElement>('.saved input[name=query]')!.value = q.toString();
  for (const a of document.querySelectorAll<HTMLAnchorElement>('[data-export]')) a.href = `/console/export/orders.${a.dataset.export}?${q}`;
  for (const el of document.querySelectorAll<HTMLInputElement | HTMLSelectElement>('.qf [name]')) {
    if (el.dataset.of === 'orders') el.disabled = q.get('view') === 'review';
    if (el instanceof HTMLInputElement && el.type === 'checkbox') el.checked = q.has(el.name);
    else if (el.name !== 'view') el.value = q.get(el.name) ?? '';
  }
}

// The map takes long to draw where there is no graphics card: what the list shows comes before, and of several selections in quick
// succession only the last is drawn.
let following = 0;
function follow() {
  clearTimeout(following);
  following = window.setTimeout(() => map?.select(query), 150);
}

const finder = document.querySelector<HTMLFormElement>('.qf')!;
const asked = () => new URLSearchParams([...new FormData(finder)].map(([k, v]) => [k, String(v)]));
finder.addEventListener('submit', (e) => {
  e.preventDefault();
  go(asked());
  finder.querySelector('details')!.open = false;
  list.focus({preventScroll: true});
});
let searching = 0;
document.getElementById('cq')!.addEventListener('input', () => {
  clearTimeout(searching);
  searching = window.setTimeout(() => go(asked(), false), 180);
});
window.addEventListener('popstate', () => go(new URLSearchParams(location.search), false));
for (const d of document.querySelectorAll<HTMLDetailsElement>('details.drop')) {
  d.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape') return;
    e.stopPropagation();
    d.open = false;
    d.querySelector('summary')!.focus();
  });
}

// What happens elsewhere. Many changes at once are read together.
let renewing = 0;
function listen() {
  const stream = new EventSource('/api/v1/orders/stream');
  let wait = 2000;
  stream.onopen = () => {
    if (live.classList.contains('off')) void renew();
    live.hidden = false;
    live.classList.remove('off');
    main.dataset.live = 'yes';
  };
  stream.addEventListener('work', () => {
    renewing ||= window.setTimeout(() => {
      renewing = 0;
      if (!deciding) void renew();
    }, 250);
  });
  stream.onerror = () => {
    live.classList.add('off');
    if (stream.readyState !== EventSource.CLOSED) return;
    window.setTimeout(listen, wait);
    wait = Math.min(2 * wait, 60000);
  };
}

async function start() {
  document.getElementById('plain')!.remove();
  document.getElementById('pages')!.remove();
  list.hidden = false;
  const order = main.dataset.order;
  queue.current = 0;
  queue.currentID = order ?? '';
  await queue.reload();
  if (order && !queue.find(order)) {
    await detail('/console/orders/', order);
    apart = detailRow();
  }
  list.focus({preventScroll: true});
  listen();
  main.dataset.ready = 'yes';
  try {
    map = await ConsoleMap.make(document.getElementById('cmap')!, main.dataset.worker!, main.dataset.bounds!, query, text('map'), {
      order: (id, add) => void fromMap(id, add),
      box: (bbox) => {
        const q = new URLSearchParams(query);
        q.set('bbox', bbox);
        if ((q.get('bbox') ?? '') !== (query.get('bbox') ?? '')) go(q, false, true);
      },
      spot: (lat, lon) => {
        const at = document.querySelector<HTMLInputElement>('dialog[open] input[name=at]');
        if (at) at.value = `${lat.toFixed(6)}, ${lon.toFixed(6)}`;
        return at !== null;
      },
    });
    map.select(query);
    map.pick([...queue.picked.values()]);
    map.show(queue.row);
  } catch {
    tell(text('mapfailed'));
  }
}

// fromMap takes the order in hand that was clicked on, wherever it stands in the queue.
async function fromMap(id: string, add: boolean) {
  const answer = await fetch(`/console/at/${encodeURIComponent(id)}?${query}`).catch(() => null);
  if (!answer?.ok) return;
  const {index, row} = (await answer.json()) as {index: number; row: Row};
  if (add) return queue.pick(row);
  if (index >= 0) return queue.jump(index, row);
  apart = row;
  map?.show(row);
  await detail(row.version === 0 ? '/console/reviews/' : '/console/orders/', row.id);
}

// detailRow is the order that is shown, as far as its detail says.
function detailRow(): Row | null {
  const d = det.querySelector<HTMLElement>('.det-in')?.dataset;
  if (!d?.id) return null;
  return {id: d.id, version: Number(d.version), number: d.number!, place: d.place!, mark: d.mark!, lat: Number(d.lat), lon: Number(d.lon), street: '', class: '', priority: 0, with: '', due: '',
    late: '', failed: false, size: 19};
}

void start();
