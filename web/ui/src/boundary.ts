// Drawing the boundary of a body. What is drawn stands in the form as GeoJSON, which can be written there without this script too.
import type {GeoJSONSource, Map as GLMap, MapMouseEvent, MapTouchEvent} from 'maplibre-gl';
import * as maplibre from 'maplibre-gl';
import {Drawing} from './boundary/drawing.ts';
import {type Handle, areaFeatures, ground, handleFeatures, handles} from './boundary/layers.ts';
import {type Corner, corner, fromGeoJSON, toGeoJSON} from './boundary/shape.ts';

const box = document.getElementById('bmap')!;
const field = document.querySelector<HTMLTextAreaElement>('#geojson')!;
const tools = document.querySelector<HTMLElement>('#draw-tools')!;
const texts = JSON.parse(box.dataset.texts ?? '{}') as Record<string, string>;
const text = (key: string, values: Record<string, string | number> = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const duration = () => (calm.matches ? 0 : 180);
const reach = {mouse: 12, touch: 24}; // pixels around a handle
const step = {fine: 2, wide: 20}; // pixels that a key moves a corner

class Board {
  private d = new Drawing();
  private held = false; // a corner is being dragged
  private moved = false;
  private fresh = false; // the next corner begins a ring
  private near = reach.mouse;
  private inSight: Handle[] = [];
  private frame = 0;

  constructor(private map: GLMap) {
    this.read();
    // A tap is told as a click of a mouse too: what pointed first says how exact it is.
    box.addEventListener('pointerdown', (e) => (this.near = e.pointerType === 'mouse' ? reach.mouse : reach.touch), {capture: true});
    map.on('mousedown', (e) => this.grasp(e));
    map.on('touchstart', (e) => (e.points.length === 1 ? this.grasp(e) : this.release()));
    map.on('mousemove', (e) => this.drag(e));
    map.on('touchmove', (e) => this.drag(e));
    for (const end of ['mouseup', 'touchend', 'touchcancel']) window.addEventListener(end, () => this.release());
    map.on('click', (e) => this.click(e));
    map.on('moveend', () => this.draw());
    map.on('style.load', () => this.draw());
    box.addEventListener('keydown', (e) => this.key(e), {capture: true});
    field.addEventListener('change', () => {
      this.d.mark();
      this.read();
      this.fit();
    });
    for (const b of document.querySelectorAll<HTMLElement>('#draw-tools [data-do], #bmap [data-do]')) b.addEventListener('click', () => this.act(b.dataset.do!));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => map.setStyle(ground(), {diff: false}));
  }

  // read takes over what stands in the form.
  private read() {
    const rings = fromGeoJSON(field.value);
    this.d.set(rings ?? []);
    this.draw();
    if (!rings) tell(text('unreadable'));
  }

  // write puts what is drawn into the form.
  private write() {
    field.value = this.d.rings.length === 0 ? '' : JSON.stringify(toGeoJSON(this.d.rings));
    this.draw();
  }

  private draw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const bounds = this.map.getBounds();
      this.inSight = handles(this.d, {
        contains: (c) => bounds.contains(c),
        apart: (a, b) => this.map.project(a).dist(this.map.project(b)),
      });
      this.map.getSource<GeoJSONSource>('area')?.setData(areaFeatures(this.d.rings));
      this.map.getSource<GeoJSONSource>('handles')?.setData(handleFeatures(this.inSight, this.d));
      for (const [act, off] of [['drop', !this.d.chosen], ['ring', !this.d.chosen], ['undo', !this.d.undoable], ['clear', this.d.corners === 0]] as const) {
        tools.querySelector<HTMLButtonElement>(`[data-do=${act}]`)!.disabled = off;
      }
    });
    this.guide();
  }

  // guide says what can be done now.
  private guide() {
    const {rings, chosen, corners} = this.d;
    box.dataset.corners = String(corners);
    if (corners === 0) return tell(text('first'));
    if (!chosen) return tell(text('choose'));
    tell(text(rings[chosen.ring]!.length < 3 ? 'more' : 'corner', {i: chosen.at + 1, n: rings[chosen.ring]!.length}));
  }

  private at(e: MapMouseEvent | MapTouchEvent): Handle | undefined {
    const away = (h: Handle) => this.map.project(h.position).dist(e.point);
    const close = this.inSight.filter((h) => away(h) <= this.near).sort((a, b) => away(a) - away(b));
    return close.find((h) => h.kind === 'corner') ?? close[0];
  }

  private grasp(e: MapMouseEvent | MapTouchEvent) {
    const h = this.at(e);
    if (!h) return;
    e.preventDefault(); // the map stays
    this.d.chosen = {ring: h.ring, at: h.at};
    if (h.kind === 'middle') {
      this.d.add(corner(...h.position));
      this.write();
    }
    [this.held, this.moved] = [true, h.kind === 'middle'];
    this.draw();
  }

  private drag(e: MapMouseEvent | MapTouchEvent) {
    if (!this.held) return void this.map.getCanvas().classList.toggle('handle', this.at(e) !== undefined);
    if (!this.moved) this.d.mark();
    this.moved = true;
    this.d.move(corner(e.lngLat.lng, e.lngLat.lat));
    this.draw();
  }

  private release() {
    if (this.held && this.moved) this.write();
    this.held = false;
  }

  private click(e: MapMouseEvent) {
    if (this.at(e)) return;
    if (this.d.corners > 0 && !this.d.chosen && !this.fresh) return;
    this.add(corner(e.lngLat.lng, e.lngLat.lat));
  }

  private add(c: Corner) {
    this.d.add(c);
    this.fresh = false;
    this.write();
    this.follow();
  }

  private act(what: string) {
    switch (what) {
      case 'in': return void this.map.zoomIn({duration: duration()});
      case 'out': return void this.map.zoomOut({duration: duration()});
      case 'fit': return this.fit();
      case 'ring':
        this.d.chosen = null;
        this.fresh = true;
        this.draw();
        return tell(text('ring'));
      case 'drop': this.d.drop(); break;
      case 'clear': this.d.clear(); break;
      case 'undo': this.d.undo(); break;
    }
    this.write();
  }

  fit(ms = duration()) {
    const all = this.d.rings.flat();
    if (all.length === 0) return;
    const bounds = all.reduce((b, c) => b.extend(c), new maplibre.LngLatBounds(all[0], all[0]));
    this.map.fitBounds(bounds, {padding: {top: 48, left: 56, right: 72, bottom: 72}, maxZoom: 17, duration: ms});
  }

  // key moves the corner in hand, where one is; else the map has its own keys.
  private key(e: KeyboardEvent) {
    if (e.target !== this.map.getCanvas()) return;
    const act = this.keyed(e);
    if (!act) return;
    e.preventDefault();
    e.stopPropagation();
    act();
  }

  private keyed(e: KeyboardEvent): (() => void) | undefined {
    if (e.ctrlKey || e.metaKey) return e.key === 'z' ? () => this.act('undo') : undefined;
    const by = e.shiftKey ? step.wide : step.fine;
    const arrows: Record<string, [number, number]> = {ArrowUp: [0, -by], ArrowDown: [0, by], ArrowLeft: [-by, 0], ArrowRight: [by, 0]};
    const arrow = arrows[e.key];
    if (arrow && this.d.chosen) return () => this.nudge(...arrow);
    switch (e.key) {
      case 'Enter': return () => this.add(this.beside());
      case 'n': return () => this.walk(1);
      case 'p': return () => this.walk(-1);
      case 'Delete': case 'Backspace': return this.d.chosen ? () => this.act('drop') : undefined;
      case 'r': return () => this.act('ring');
      case 'Escape': return this.d.chosen ? () => this.letGo() : undefined;
    }
    return undefined;
  }

  private letGo() {
    this.d.chosen = null;
    this.fresh = false;
    this.draw();
  }

  // beside is where a key sets the next corner: half way to the one after, in what is a ring already, else near the one in hand.
  private beside(): Corner {
    const {d, map} = this;
    if (!d.chosen) return corner(map.getCenter().lng, map.getCenter().lat);
    const ring = d.rings[d.chosen.ring]!;
    const here = map.project(d.corner!);
    const there = map.project(ring[(d.chosen.at + 1) % ring.length]!);
    const side = Math.min(80, box.clientWidth / 6);
    const away = [[side, 0], [0, side]][ring.length - 1];
    const p = map.unproject(away ? [here.x + away[0]!, here.y + away[1]!] : [(here.x + there.x) / 2, (here.y + there.y) / 2]);
    return corner(p.lng, p.lat);
  }

  private nudge(x: number, y: number) {
    const p = this.map.project(this.d.corner!);
    const to = this.map.unproject([p.x + x, p.y + y]);
    this.d.mark();
    this.d.move(corner(to.lng, to.lat));
    this.write();
    this.follow();
  }

  private walk(by: 1 | -1) {
    this.d.step(by);
    this.draw();
    this.follow();
  }

  private follow() {
    const c = this.d.corner;
    if (c && !this.map.getBounds().contains(c)) this.map.easeTo({center: c, duration: duration()});
  }
}

function tell(words: string) {
  const p = box.querySelector<HTMLElement>('.tell')!;
  p.hidden = words === '';
  p.textContent = words;
}

async function start() {
  await Promise.all(['400 16px "Overpass Variable"', '500 16px "Overpass Medium"'].map((f) => document.fonts.load(f, 'Aß')));
  let map: GLMap;
  try {
    maplibre.setWorkerUrl(box.dataset.worker!);
    map = new maplibre.Map({
      container: 'canvas', style: ground(), attributionControl: false, maxPitch: 0, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxZoom: 19.9,
      fadeDuration: calm.matches ? 0 : 120, doubleClickZoom: false, boxZoom: false,
      bounds: (box.dataset.bounds ?? '').split(',').map(Number) as [number, number, number, number], fitBoundsOptions: {padding: 48, maxZoom: 15},
    });
  } catch {
    return; // the text can be written without
  }
  document.documentElement.classList.add('live-map');
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.getCanvas().setAttribute('aria-label', text('map'));
  map.getCanvas().setAttribute('aria-describedby', 'draw-keys');
  const board = new Board(map);
  board.fit(0);
  Object.assign(box, {glmap: map, board}); // for tests and the browser's own console
  box.querySelector<HTMLElement>('.mctl')!.hidden = tools.hidden = false;
  map.once('idle', () => (box.dataset.ready = 'yes'));
}

void start();
