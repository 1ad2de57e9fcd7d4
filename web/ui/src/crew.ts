// The crew's page: shows the day from what the phone keeps, keeps what is done before anything else, and lets crew/sync.ts send it. All of
// it can also be done without it, by the page's forms.
import {deedsOf} from './crew/deeds.ts';
import {type Day, type Deed, Store} from './crew/store.ts';
import {grace, Sync} from './crew/sync.ts';

const body = document.body;
const person = body.dataset.person!;
const language = document.documentElement.lang;
const texts = JSON.parse(body.dataset.texts ?? '{}') as Record<string, string>;
const text = (key: string, fill: Record<string, string | number> = {}) =>
  Object.entries(fill).reduce((t, [k, v]) => t.replaceAll(`{${k}}`, String(v)), texts[key] ?? key);
const el = (id: string) => document.getElementById(id)!;
const clock = (at: Date) => at.toLocaleTimeString(language, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});

const lookEvery = 120_000; // ms: for orders that dispatchers give meanwhile

let store: Store;
let sync: Sync;
let day: Day | undefined;
let deeds: Deed[] = [];
let offSince: Date | undefined;
let wanted = new URLSearchParams(location.search).get('crew') ?? '';

/** openOrder is the order that the address names. */
const openOrder = () => decodeURIComponent(/^\/crew\/orders\/([^/]+)$/.exec(location.pathname)?.[1] ?? '');

const waitingFor = (order: string) => deeds.filter((d) => d.order === order && d.person === person);

const kind = (d: Deed) => (d.photo ? 'photo' : String(d.body?.do));

/** acts says in one line what waits: "started, repaired, photo". */
const acts = (list: Deed[]) => list.map((d) => text('act.' + kind(d))).join(', ');

function what(d: Deed): string {
  return text('did.' + kind(d), {what: d.number});
}

function showDay(): void {
  if (!day) return;
  el('name').textContent = day.name || el('name').textContent;
  el('lead').textContent = day.lead;
  el('route').innerHTML = day.map;
  el('later').textContent = day.later;
  el('stops').innerHTML = day.stops.map((s) => s.line).join('');
  for (const li of el('stops').querySelectorAll<HTMLElement>('li')) {
    const mine = waitingFor(li.dataset.id!);
    if (mine.length === 0) continue;
    const note = document.createElement('span');
    note.className = 's wait';
    note.textContent = `${text('waits')}: ${acts(mine)}`;
    li.querySelector('.w')!.append(note);
    if (mine.some((d) => d.body?.do === 'repair' || d.body?.do === 'dismiss')) li.classList.add('done');
  }
}

let shown = '';
function showStop(): void {
  const id = openOrder();
  body.classList.toggle('at', id !== '');
  const stop = day?.stops.find((s) => s.id === id);
  const at = el('stop');
  if (id === '') {
    at.replaceChildren();
    shown = '';
    return;
  }
  if (!stop) return; // as the server made it
  const mark = `${id} ${stop.version} ${stop.detail.length}`;
  const typing = at.querySelector('details[open]') !== null && at.contains(document.activeElement);
  if (shown !== mark && !(typing && shown.startsWith(id + ' '))) {
    at.innerHTML = stop.detail;
    shown = mark;
  }
  const mine = waitingFor(id);
  const waits = at.querySelector<HTMLElement>('.waits')!;
  waits.hidden = mine.length === 0;
  waits.textContent = mine.length ? `${text('waits')}: ${acts(mine)}` : '';
  const over = mine.some((d) => d.body?.do === 'repair' || d.body?.do === 'dismiss');
  const started = mine.some((d) => d.body?.do === 'start');
  for (const form of at.querySelectorAll<HTMLElement>('.verd form')) {
    const act = form.querySelector<HTMLButtonElement>('button[name=do]')!.value;
    const host = form.closest<HTMLElement>('.act1') ?? form;
    host.hidden = act !== 'note' && (over || (act === 'start' && started));
  }
}

function showState(): void {
  const mine = deeds.filter((d) => d.person === person);
  const waiting = mine.filter((d) => !d.why).length;
  const others = deeds.length - mine.length;
  if (sync.now !== 'off' && navigator.onLine) offSince = undefined;
  else offSince ??= new Date();
  const off = el('off');
  off.hidden = !(offSince || sync.now === 'login' || others > 0);
  if (sync.now === 'login') {
    el('off-head').innerHTML = '';
    const link = document.createElement('a');
    link.href = '/login?next=%2Fcrew';
    link.textContent = text('login');
    link.style.color = 'inherit';
    el('off-head').append(link);
    el('off-text').textContent = text('login.text', {n: waiting});
  } else if (offSince) {
    el('off-head').textContent = text('off', {at: clock(offSince)});
    el('off-text').textContent = waiting ? text('off.wait', {n: waiting}) : text('off.none');
  } else if (others > 0) {
    el('off-head').textContent = '';
    el('off-text').textContent = text('others', {n: others});
  }
  showParked(mine.filter((d) => d.why));
  body.dataset.waiting = String(waiting);
  body.dataset.parked = String(mine.length - waiting);
}

function showParked(parked: Deed[]): void {
  el('parked').hidden = parked.length === 0;
  const mark = parked.map((d) => `${d.n}${d.why}`).join();
  if (el('parked').dataset.mark === mark) return;
  el('parked').dataset.mark = mark;
  el('parked-list').replaceChildren(...parked.map((d) => {
    const li = document.createElement('li');
    const head = document.createElement('b');
    head.textContent = `${what(d)} ${clock(new Date(d.said))}`;
    const why = document.createElement('span');
    why.textContent = d.why!;
    li.append(head, why);
    const act = (label: string, does: () => Promise<void>) => {
      const b = document.createElement('button');
      b.type = 'button';
      b.className = 'btn big';
      b.textContent = text(label);
      b.addEventListener('click', () => void does().then(refresh));
      li.append(b);
    };
    act('anyway', async () => { await store.again(d); sync.soon(0); });
    act('drop', async () => { await store.drop([d]); sync.soon(0); });
    return li;
  }));
}

async function refresh(): Promise<void> {
  deeds = await store.deeds();
  showDay();
  showStop();
  showState();
}

/** read asks for the day as it is now. */
async function read(where = ''): Promise<void> {
  try {
    const answer = await fetch(`/api/v1/crew/day?lang=${language}&crew=${encodeURIComponent(wanted)}${where}`, {signal: AbortSignal.timeout(30_000)});
    if (answer.status === 401) {
      sync.now = 'login';
      await store.forgetDay();
      return showState();
    }
    if (!answer.ok) throw new Error(`day: ${answer.status}`);
    day = (await answer.json()) as Day;
    await store.keepDay(day);
    if (sync.now === 'off') sync.now = 'idle';
    void keepPhotos(day);
  } catch {
    if (sync.now === 'idle') sync.now = 'off';
    window.setTimeout(() => { if (sync.now === 'off') void read().then(refresh); }, 20_000);
  }
  await refresh();
}

/** keepPhotos keeps the day's photos for when there is no network, and no others. */
async function keepPhotos(d: Day): Promise<void> {
  if (!('caches' in window)) return;
  const cache = await caches.open('crew');
  const now = new Set(d.stops.flatMap((s) => s.photos));
  for (const r of await cache.keys()) {
    const path = new URL(r.url).pathname;
    if (path.includes('/photos/') && !now.delete(path)) await cache.delete(r);
  }
  for (const path of now) await cache.add(path).catch(() => undefined);
}

let toastTimer = 0;
function toast(words: string, takeBack?: () => Promise<void>): void {
  el('toast-text').textContent = words;
  el('toast').hidden = false;
  const undo = el('undo');
  undo.hidden = !takeBack;
  undo.onclick = () => void takeBack?.().then(refresh);
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => { el('toast').hidden = true; }, 60_000);
}

/** takeBack takes a stroke back: on the phone as long as it is there, and from the server after that. */
async function takeBack(stroke: string): Promise<void> {
  const left = (await store.deeds()).filter((d) => d.stroke === stroke);
  const first = left.find((d) => d.key === stroke);
  if (first && first.n !== sync.sending) {
    await store.drop(left);
    toast(text('undone'));
    return;
  }
  await store.drop(left.filter((d) => d.n !== sync.sending));
  try {
    const answer = await fetch(`/api/v1/crew/undo?lang=${language}`, {method: 'POST', body: JSON.stringify({key: stroke}), headers: {'Content-Type': 'application/json'}});
    const said = (await answer.json()) as {message?: string; detail?: string; orders?: {why?: string}[]};
    toast(answer.ok ? text('undone') : said.orders?.[0]?.why ?? said.message ?? said.detail ?? text('failed'));
    await read();
  } catch {
    toast(text('failed'));
  }
}

async function submitted(form: HTMLFormElement, act: string): Promise<void> {
  const at = form.closest<HTMLElement>('[data-number]')!;
  const filled = new FormData(form);
  const has = (name: string) => String(filled.get(name) ?? '').trim() !== '';
  if ((has('cost') || has('quantity')) && !has('what')) return toast(text('what')); // an amount alone would be lost
  const made = await deedsOf(filled, act, {person, order: at.dataset.id!, number: at.dataset.number!});
  if (made.length === 0) return toast(text('empty'));
  try {
    await store.add(made);
  } catch {
    return toast(text('full'));
  }
  shown = '';
  form.reset();
  if (act !== 'start' && act !== 'note') go('/crew');
  await refresh();
  toast(`${what(made[0]!)} ${text('kept')}`, () => takeBack(made[0]!.stroke));
  sync.soon(grace);
}

function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path);
  showStop();
  scrollTo(0, 0);
  const head = path === '/crew' ? el('content') : el('stop').querySelector<HTMLElement>('.title');
  head?.focus({preventScroll: true});
}

function listen(): void {
  document.addEventListener('submit', (e) => {
    const form = e.target as HTMLFormElement;
    if (!form.closest('#stop')) return;
    e.preventDefault();
    void submitted(form, ((e.submitter as HTMLButtonElement | null) ?? form.querySelector<HTMLButtonElement>('button[name=do]')!).value);
  });
  document.addEventListener('click', (e) => {
    const a = (e.target as HTMLElement).closest<HTMLAnchorElement>('a[href^="/crew"]');
    if (!a || e.ctrlKey || e.metaKey || !(a.closest('#stops') || a.id === 'back')) return;
    e.preventDefault();
    go(new URL(a.href).pathname);
  });
  addEventListener('popstate', () => showStop());
  addEventListener('offline', () => showState());
  addEventListener('online', () => void read());
  addEventListener('crew-sent', () => void read());
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void read(); });
  window.setInterval(() => { if (document.visibilityState === 'visible' && sync.now === 'idle') void read(); }, lookEvery);
  const here = el('here');
  here.hidden = !('geolocation' in navigator);
  here.addEventListener('click', () => navigator.geolocation.getCurrentPosition(
    (p) => void read(`&lat=${p.coords.latitude.toFixed(5)}&lon=${p.coords.longitude.toFixed(5)}`), () => toast(text('nowhere')), {enableHighAccuracy: true, timeout: 20_000}));
}

async function begin(): Promise<void> {
  store = await Store.open();
  sync = new Sync(store, person, () => void refresh());
  day = await store.day();
  if (day && day.person !== person) {
    day = undefined; // another person's: their deeds stay until they come again
    await store.forgetDay();
  }
  if (day && wanted && day.crew !== wanted) day = undefined;
  wanted ||= day?.crew ?? '';
  listen();
  await refresh();
  if ('serviceWorker' in navigator) await navigator.serviceWorker.register('/crew/offline.js', {scope: '/crew'}).catch(() => undefined);
  void navigator.storage?.persist?.();
  await sync.run(false);
  await read();
  body.dataset.ready = 'yes';
}

void begin();
