// The drive page. It shows; its worker feels, keeps and sends.
import type {News, Order, Settings, Status, Summary} from './drive/messages.ts';
import {counts, list} from './drive/outcomes.ts';
import {type Lack, Missing, Sensors} from './drive/sensors.ts';
import {Trace} from './drive/trace.ts';
import {clock, dateTime, megabytes, month, number, t, tn} from './drive/words.ts';

const $ = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T;
const main = document.querySelector<HTMLElement>('main')!;
const standsMPS = 1.5; // slower, there is something to tap
const staleMS = 10_000; // a position is worth nothing later
const refusedS = 7 * 86400; // so long a refusal is told
const endMS = 30_000; // a drive that was to end is over, whatever the worker says

type Screen = 'before' | 'driving' | 'after';

interface Battery {level: number; charging: boolean}

class Page {
  private worker = new Worker(main.dataset.worker!, {type: 'module'});
  private trace = new Trace($<HTMLCanvasElement>('scope'));
  private sensors = new Sensors((rows) => {
    this.trace.add(rows);
    this.order({do: 'samples', rows});
  }, (fix) => {
    [this.accuracy, this.placedAt, this.lackPosition] = [fix.accuracy, performance.now(), false];
    this.order({do: 'fix', fix});
  }, (what) => this.lost(what));
  private status?: Status;
  private accuracy = NaN;
  private placedAt = 0;
  private lackPosition = false;
  private jolts = 0;
  private battery?: Battery;
  private hiddenAt = 0;
  private starting = false;
  private startedLevel?: number;
  private ended?: Summary;
  private ending?: ReturnType<typeof setTimeout>;

  open(): void {
    this.worker.onmessage = (e: MessageEvent<News>) => this.hear(e.data);
    this.worker.onerror = () => this.broke('problem.broken');
    this.order({do: 'open', wasm: main.dataset.wasm!, lang: document.documentElement.lang});
    const lack = Sensors.lack();
    if (lack) this.say('problem', t('problem.' + lack));
    $<HTMLButtonElement>('start').hidden = lack !== undefined;
    this.listen();
    void (navigator as {getBattery?: () => Promise<Battery>}).getBattery?.().then((b) => (this.battery = b), () => {});
    void navigator.serviceWorker?.register('/drive/offline.js', {scope: '/drive'}).catch(() => {}); // without, the page works online only
  }

  private order(order: Order): void {
    this.worker.postMessage(order);
  }

  private listen(): void {
    const on = (id: string, act: () => void) => $(id).addEventListener('click', act);
    on('start', () => void this.start());
    on('end', () => this.end());
    on('done', () => this.show('before'));
    on('forget', () => this.ask(true));
    on('keep', () => this.ask(false));
    on('forget-now', () => this.order({do: 'forget'}));
    for (const what of ['enrol', 'data', 'erase-former', 'leave-former'] as const) on(what, () => this.order({do: what}));
    for (const id of ['withhold', 'record']) $(id).addEventListener('change', () => this.order({do: 'settings', settings: this.chosen()}));
    $('recordings').addEventListener('click', (e) => {
      const b = (e.target as HTMLElement).closest<HTMLElement>('button[data-do]');
      if (b) this.order({do: b.dataset.do as 'export' | 'discard', recording: Number(b.dataset.recording)});
    });
    addEventListener('resize', () => this.trace.draw());
    addEventListener('online', () => this.order({do: 'online'}));
    document.addEventListener('visibilitychange', () => this.seen());
  }

  private chosen(): Settings {
    return {withhold: Number($<HTMLSelectElement>('withhold').value), record: $<HTMLInputElement>('record').checked};
  }

  private ask(open: boolean): void {
    $('forgetting').hidden = !open;
    $('forget').hidden = open;
    (open ? $('forget-now') : $('forget')).focus();
  }

  private async start(): Promise<void> {
    if (this.starting) return;
    this.starting = true;
    this.say('problem', '');
    this.say('start-note', t('start.loading'));
    [this.jolts, this.accuracy, this.lackPosition, this.hiddenAt] = [0, NaN, false, 0];
    this.trace.clear();
    this.order({do: 'start'});
    void navigator.storage?.persist?.().catch(() => {});
    try {
      await this.sensors.start();
    } catch (e) {
      this.stop();
      this.order({do: 'end'});
      this.say('problem', t('problem.' + (e instanceof Missing ? e.what : 'broken')));
      $('problem').focus();
    }
  }

  /** driving begins when the detector is there as well. */
  private driving(): void {
    this.startedLevel = this.battery?.level;
    this.say('gap', '');
    this.show('driving');
    this.trace.draw();
  }

  private end(): void {
    this.sensors.stop();
    this.order({do: 'end'});
    clearTimeout(this.ending);
    this.ending = setTimeout(() => { // the worker has broken
      this.stop();
      this.show('before');
      this.say('problem', t('problem.broken'));
    }, endMS);
  }

  private stop(): void {
    this.sensors.stop();
    this.starting = false;
    this.say('start-note', t('start.note'));
  }

  private hear(news: News): void {
    switch (news.is) {
      case 'status':
        this.status = news.status;
        return this.draw(news.status);
      case 'ready':
        return this.starting ? this.driving() : undefined;
      case 'ended': {
        clearTimeout(this.ending);
        const drove = main.dataset.screen === 'driving';
        this.stop();
        if (drove) this.over(news.drive);
        return;
      }
      case 'file':
        this.say('data-note', '');
        return save(news.name, news.file);
      case 'forgotten':
        this.ask(false);
        this.show('before');
        return this.say('problem', t('forgotten.' + news.how));
      case 'data':
        return this.say('data-note', t('data.' + news.how));
      case 'failed':
        if (news.what.startsWith('start')) {
          this.stop();
          this.show('before');
        }
        this.broke(news.what === 'elsewhere' ? 'problem.elsewhere' : news.what.startsWith('start') ? 'problem.detector' : 'problem.broken');
    }
  }

  /** broke says what does not work, on whichever screen. */
  private broke(key: string): void {
    this.say(main.dataset.screen === 'driving' ? 'gap' : 'problem', t(key));
  }

  private show(screen: Screen): void {
    main.dataset.screen = screen;
    for (const s of ['before', 'driving', 'after']) $(s).hidden = s !== screen;
    document.documentElement.classList.toggle('night', screen === 'driving');
    scrollTo(0, 0);
    $(screen + '-head').focus();
    if (this.status) this.draw(this.status);
  }

  private lost(what: Lack): void {
    this.lackPosition = true;
    if (what === 'position.denied') {
      this.say('problem', t('problem.position.denied'));
      this.end();
      this.show('before');
    }
  }

  /** seen notes when the page was not: then nothing was felt. */
  private seen(): void {
    if (main.dataset.screen !== 'driving') return;
    if (document.visibilityState === 'hidden') {
      this.hiddenAt = Date.now();
    } else if (this.hiddenAt > 0) {
      const minutes = Math.max(1, Math.round((Date.now() - this.hiddenAt) / 60_000));
      this.say('gap', tn('gap', minutes));
    }
  }

  private say(id: string, words: string): void {
    const p = $(id);
    if (p.textContent !== words) p.textContent = words;
    p.hidden = words === '';
  }

  private draw(s: Status): void {
    main.dataset.waiting = String(s.waiting);
    main.dataset.link = s.link;
    main.dataset.lists = String(s.lists);
    main.dataset.bytes = String(s.allBytes);
    if (main.dataset.screen === 'driving') return this.drawDrive(s);
    if (main.dataset.screen === 'after') this.drawAfter(s);
    this.drawBefore(s);
  }

  private drawBefore(s: Status): void {
    const select = $<HTMLSelectElement>('withhold');
    if (document.activeElement !== select) select.value = String(s.settings.withhold);
    $<HTMLInputElement>('record').checked = s.settings.record;
    this.say('withheld-note', s.settings.withhold > 0 ? t('ask.home.text', {n: number(s.settings.withhold)}) : t('ask.home.none'));
    this.say('refused', refused(s));
    this.say('totals', s.totals.drives > 0 ? t('totals', {drives: tn('drives', s.totals.drives), jolts: tn('jolts', s.totals.jolts), since: month(s.totals.since)}) : '');
    this.say('queue', s.waiting > 0 ? tn(s.link === 'none' ? 'queue.offline' : 'queue', s.waiting, {since: clock(s.linkSince)}) : '');
    this.say('unknown-text', s.link === 'unknown' ? t('unknown') : '');
    $('unknown').hidden = s.link !== 'unknown';
    this.say('known', s.device ? t('known', {id: s.device.id, since: dateTime(s.device.since)}) : t('known.not'));
    this.say('used', t('used', {mb: megabytes(s.allBytes)}));
    this.say('farewell', s.refused.length > 0 ? t('farewell.refused', {id: s.refused.join(', ')}) : s.farewells > 0 ? t('farewell') : '');
    this.say('former-text', s.former.length > 0 ? t('former', {id: s.former.join(', ')}) : '');
    $('former').hidden = s.former.length === 0;
    this.say('health', troubled(s) || wrong(s.health));
    $('news').hidden = s.outcomes.length === 0;
    list($('outcomes'), s.outcomes);
    this.drawRecordings(s);
  }

  private drawRecordings(s: Status): void {
    $('recordings').replaceChildren(...s.recordings.map((r) => {
      const li = document.createElement('li');
      const words = document.createElement('span');
      words.textContent = t('recording', {at: dateTime(r.id), length: tn('minutes', Math.max(1, Math.round(r.seconds / 60))), mb: megabytes(r.bytes)});
      li.append(words, ...(['export', 'discard'] as const).map((what) => {
        const b = document.createElement('button');
        b.className = 'btn';
        b.dataset.do = what;
        b.dataset.recording = String(r.id);
        b.textContent = t('recording.' + what);
        b.setAttribute('aria-label', `${t('recording.' + what)}: ${dateTime(r.id)}`);
        return b;
      }));
      return li;
    }));
  }

  private drawDrive(s: Status): void {
    const d = s.drive;
    if (!d) return;
    if (d.jolts > this.jolts) this.trace.mark();
    this.jolts = d.jolts;
    const placed = Number.isFinite(this.accuracy) && !this.lackPosition && performance.now() - this.placedAt < staleMS;
    gauge('position', placed && this.accuracy <= 30, placed ? t('metres', {n: number(this.accuracy)}) : t('position.none'));
    gauge('mount', d.mount === 1, t('mount.' + d.mount));
    gauge('waiting', s.waiting + d.held === 0 && s.link !== 'none', number(s.waiting + d.held));
    $('jolts').textContent = number(d.jolts);
    this.say('jolts-word', t(d.jolts === 1 ? 'felt.one' : 'felt.other'));
    const c = counts(s.outcomes);
    $('confirmed').textContent = number(c.confirmed);
    $('repaired').textContent = number(c.repaired);
    const stands = !(d.speed > standsMPS); // or it is not known
    $('end').hidden = !stands;
    const trouble = troubled(s);
    $('say').classList.toggle('warn', trouble !== '' || s.link === 'none' || d.mount === 2);
    this.say('say', trouble !== '' ? trouble : d.mount === 2 ? t('say.loose') : s.link === 'none' ? tn('say.offline', s.waiting + d.held, {since: clock(s.linkSince)}) :
      stands ? t('say.stands') : t('say.driving'));
  }

  private over(d: Summary): void {
    this.ended = d;
    this.show('after');
  }

  private drawAfter(s: Status): void {
    const d = this.ended;
    if (!d) return;
    const minutes = Math.max(1, Math.round((d.ended - d.began) / 60));
    this.say('after-when', t('after.when', {at: clock(d.ended), length: tn('minutes', minutes)}));
    const sent = s.waiting === 0;
    this.say('after-head', d.jolts === 0 ? t('after.none') : tn(sent ? 'after.sent' : 'after.waiting', d.jolts, {waiting: number(s.waiting)}));
    this.say('after-withheld', d.withheld > 0 ? tn('after.withheld', d.withheld) : '');
    this.say('after-ignored', d.ignored > 0 ? tn('after.ignored', d.ignored) : '');
    $('after-data').textContent = megabytes(s.bytes);
    const used = this.startedLevel !== undefined && this.battery && !this.battery.charging ? Math.max(0, this.startedLevel - this.battery.level) * 100 : NaN;
    $('after-battery').textContent = Number.isNaN(used) ? '–' : t('percent', {n: number(used)});
    $('after-waiting').textContent = s.waiting === 0 ? t('none') : number(s.waiting);
    this.say('after-refused', refused(s));
    this.say('after-health', troubled(s) || wrong(s.health));
    $('after-news').hidden = s.outcomes.length === 0;
    list($('after-outcomes'), s.outcomes);
  }
}

/** refused says in words what the server has refused of late, and whether the phone's clock is wrong. */
function refused(s: Status): string {
  const minutes = Math.round(Math.abs(s.behind) / 60);
  const off = s.behind === 0 ? '' : t(s.behind < 0 ? 'clock.ahead' : 'clock.behind', {by: minutes < 120 ? tn('minutes', Math.max(1, minutes)) : tn('hours', Math.round(minutes / 60))});
  const r = s.refusals && Date.now() / 1000 - s.refusals.at < refusedS ? s.refusals : {time: 0, other: 0, why: ''};
  return [off, r.time > 0 ? tn('refused.time', r.time) : '', r.other > 0 ? tn('refused.other', r.other, {why: r.why}) : ''].filter(Boolean).join(' ');
}

/** troubled says in words that events are in memory alone, or that a recording was given up for them. */
function troubled(s: Status): string {
  if (s.trouble !== '' && s.waiting > 0) return t('trouble.' + s.trouble);
  return s.unrecorded ? t('unrecorded') : '';
}

/** wrong says in words what the driver should look at, where the server thinks that something is wrong with the phone. */
function wrong(health: string): string {
  return ['stuck', 'loose', 'full'].includes(health) ? t('health.' + health) : '';
}

/** gauge shows one of the three readings at the top, with a full dot where all is well. */
function gauge(id: string, well: boolean, words: string): void {
  $(id).textContent = words;
  $(id + '-dot').classList.toggle('w', !well);
}

function save(name: string, file: Blob): void {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(file);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}

new Page().open();
