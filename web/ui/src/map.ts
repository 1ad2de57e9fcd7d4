// The map of the public page: shows places as they are, live, and opens them in the panel beside it. All it shows can
// also be read without it.
import type {GeoJSONSource, Map as GLMap, MapMouseEvent} from 'maplibre-gl';
import * as maplibre from 'maplibre-gl';
import {lean} from './lean.ts';
import {listen, type Change} from './live.ts';
import {addMarks, addPlate} from './marks.ts';
import {focusHeading, load, placeShown, type Place} from './panel.ts';
import {Places} from './places.ts';
import {Paper} from './print.ts';
import {search} from './search.ts';
import {coverageZoom, filterQuery, placesTiles, style, type Filter, type Selected} from './style.ts';

const box = document.getElementById('map')!;
const canvas = document.getElementById('canvas')!;
const side = document.querySelector<HTMLElement>('.side')!;
const texts = JSON.parse(box.dataset.texts ?? '{}') as Record<string, string>;
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const phone = matchMedia('(max-width: 760px)');
const low = matchMedia('(max-height: 480px)'); // with phone: the page scrolls, and the panel stands below the map
const text = (key: string) => texts[key] ?? key;

const panel = document.getElementById('panel')!;
let filter: Filter = {show: panel.dataset.show ?? 'all', kind: panel.dataset.class ?? ''};
const kinds = document.querySelector<HTMLSelectElement>('.kinds select')!;
const duration = () => (calm.matches ? 0 : 180);

function selected(place: Place | null): Selected {
  const out: Selected = {type: 'FeatureCollection', features: []};
  if (!place) return out;
  const properties = {mark: place.mark};
  if (place.area) out.features.push({type: 'Feature', properties, geometry: {type: 'Polygon', coordinates: [place.area]}});
  out.features.push({type: 'Feature', properties, geometry: {type: 'Point', coordinates: [place.lon, place.lat]}});
  return out;
}

const panelButton = (value: string) => document.querySelector<HTMLElement>(`#panel .votes [value="${CSS.escape(value)}"]`);

function query(extra: Record<string, string> = {}): URLSearchParams {
  return new URLSearchParams([...filterQuery(filter), ...Object.entries(extra)]);
}

// tell says something for a moment, to eyes and to screen readers.
let telling = 0;
function tell(words: string, lasting = false) {
  const p = box.querySelector<HTMLElement>('.tell')!;
  p.hidden = false;
  p.textContent = words;
  clearTimeout(telling);
  if (!lasting) telling = window.setTimeout(() => (p.hidden = true), 7000);
}

function makeMap(): GLMap {
  maplibre.setWorkerUrl(box.dataset.worker!);
  const [west, south, east, north] = (box.dataset.bounds ?? '').split(',').map(Number) as [number, number, number, number];
  const place = placeShown();
  const near = box.dataset.near?.split(',').map(Number) as [number, number] | undefined; // latitude, longitude
  const map = new maplibre.Map({
    container: canvas, style: style(filter, selected(place)), hash: 'map', attributionControl: false, maxPitch: 0, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, maxZoom: 19.9, fadeDuration: calm.matches ? 0 : 120, refreshExpiredTiles: false,
    ...(place ? {center: [place.lon, place.lat] as [number, number], zoom: place.area ? 14.6 : 16} : near ? {center: [near[1], near[0]] as [number, number], zoom: 16} : {bounds: [west, south, east, north] as [number, number, number, number], fitBoundsOptions: {padding: 24, maxZoom: 15}}),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.getCanvas().setAttribute('aria-label', text('label'));
  return map;
}

async function start() {
  await Promise.all(['400 16px "Overpass Variable"', '600 16px "Overpass Semibold"', '500 16px "Overpass Medium"', 'italic 400 16px "Overpass Italic"'].map((f) => document.fonts.load(f, 'Aß')));
  let map: GLMap;
  try {
    map = makeMap();
  } catch (e) {
    tell(text('failed'), true);
    return;
  }
  Object.assign(box, {glmap: map}); // for tests and the console
  box.querySelector<HTMLElement>('.mctl')!.hidden = false;
  lean(map);
  const drawn = addMarks(map);
  map.setMissingStyleImageResolver(async (id) => {
    await drawn; // plates are made of marks
    if (id.startsWith('plate|')) addPlate(map, id);
  });
  await drawn;
  new Screen(map).begin();
  map.once('idle', () => (box.dataset.ready = 'yes'));
}

// Screen joins map, panel and address.
class Screen {
  private places: Places;
  private paper: Paper;

  constructor(private map: GLMap) {
    this.places = new Places(map);
    this.paper = new Paper(map, canvas, () => this.recolour());
  }

  begin() {
    const place = placeShown();
    if (place) this.bring(place);
    this.map.on('click', (e) => this.click(e));
    for (const layer of ['marks', 'plates']) {
      this.map.on('mouseenter', layer, () => canvas.classList.add('over'));
      this.map.on('mouseleave', layer, () => canvas.classList.remove('over'));
    }
    document.addEventListener('click', (e) => this.follow(e));
    document.addEventListener('submit', (e) => this.vote(e));
    document.addEventListener('keydown', (e) => {
      if (e.key === 'Escape' && new URLSearchParams(location.search).has('place')) void this.go(query());
    });
    window.addEventListener('popstate', () => void this.open(new URLSearchParams(location.search)));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => void this.recolour());
    kinds.addEventListener('change', () => {
      this.filter({...filter, kind: kinds.value});
      void this.go(query(), false);
    });
    this.controls();
    this.sheet();
    const far = () => box.classList.toggle('far', this.map.getZoom() < coverageZoom);
    this.map.on('zoom', far);
    far();
    search(document.querySelector<HTMLFormElement>('form.find')!, document.getElementById('hits')!, (s) => {
      this.map.easeTo({center: [s.lon, s.lat], zoom: Math.max(this.map.getZoom(), 16), duration: duration()});
      void this.go(query({near: `${s.lat},${s.lon}`, at: s.name}));
    }, () => tell(text('search.none')));
    listen({
      changed: (c) => this.changed(c),
      missed: () => {
        this.hideNotice();
        this.refresh();
      },
      lost: () => tell(text('offline'), true),
    });
  }

  private hideNotice() {
    box.querySelector<HTMLElement>('.tell')!.hidden = true;
  }

  // A click opens a mark, lists those that lie on one spot, or goes nearer to a group.
  private click(e: MapMouseEvent) {
    const near = 5;
    const found = this.map.queryRenderedFeatures([[e.point.x - near, e.point.y - near], [e.point.x + near, e.point.y + near]], {layers: ['marks', 'plates']});
    const plate = found.find((f) => f.layer.id === 'plates');
    const ids = [...new Set(found.flatMap((f) => String(f.properties.ids ?? '').split(',')).filter(Boolean))];
    if (ids.length > 0) void this.go(query(ids.length === 1 ? {place: ids[0]!} : {places: ids.join(',')}), false);
    else if (plate && plate.geometry.type === 'Point') {
      this.map.easeTo({center: plate.geometry.coordinates as [number, number], zoom: Math.min(this.map.getZoom() + 2, 17), duration: duration()});
    } else if (location.search.includes('place')) void this.go(query(), false);
  }

  // Links to what this page can show by itself do not load it anew.
  private follow(e: MouseEvent) {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || !(e.target instanceof Element)) return;
    const link = e.target.closest<HTMLAnchorElement>('a[data-open],a[data-close],a[data-show]');
    if (!link) return;
    e.preventDefault();
    if (link.dataset.show) this.filter({...filter, show: link.dataset.show});
    void this.go(query(link.dataset.open ? {place: link.dataset.open} : {}));
  }

  // A vote is cast without leaving the map; without scripts the form does the same.
  private vote(e: SubmitEvent) {
    const form = e.target instanceof HTMLFormElement ? e.target : null;
    const button = e.submitter instanceof HTMLButtonElement ? e.submitter : null;
    if (!form?.dataset.vote || !button) return;
    e.preventDefault();
    void (async () => {
      try {
        const answer = await fetch(`/api/v1/places/${form.dataset.vote}/votes`, {method: 'POST',
          headers: {'Content-Type': 'application/json', 'Accept-Language': document.documentElement.lang}, body: JSON.stringify({vote: button.value})});
        const body = (await answer.json()) as {detail?: string};
        const words = answer.ok ? text('voted') : (body.detail ?? text('offline'));
        tell(words);
        await load(new URLSearchParams(location.search));
        this.told = performance.now(); // what others change meanwhile, and this vote as the stream has it, must not hide the answer
        tell(words);
        panelButton(button.value)?.focus();
      } catch {
        tell(text('offline'));
      }
    })();
  }

  private async go(q: URLSearchParams, focus = true) {
    const search = q.size ? '?' + q : '';
    if (search !== location.search) history.pushState(null, '', '/' + search + location.hash);
    await this.open(q);
    if (focus) focusHeading();
  }

  // open shows what an address asks for: a place, several, or the list.
  private async open(q: URLSearchParams) {
    this.filter({show: q.get('show') ?? 'all', kind: q.get('class') ?? ''});
    try {
      if (!(await load(q))) return;
    } catch {
      tell(text('offline'));
      return;
    }
    const place = placeShown();
    this.select(place);
    document.title = document.title.replace(/^.* – (?=Streetpulse)/, (place?.title ?? document.querySelector('.top nav a')!.textContent) + ' – ');
    if (place) this.bring(place);
    if (phone.matches && low.matches && ['place', 'places', 'near'].some((key) => q.has(key))) panel.querySelector('h1')?.scrollIntoView({block: 'nearest'});
  }

  private select(place: Place | null) {
    this.map.getSource<GeoJSONSource>('selected')?.setData(selected(place));
  }

  // bring moves the map only where the place is out of sight, or far away.
  private bring(place: Place) {
    const at: [number, number] = [place.lon, place.lat];
    const b = this.map.getContainer().getBoundingClientRect();
    const p = this.map.project(at);
    const edge = phone.matches ? 40 : 80;
    const inside = p.x > edge && p.y > edge && p.x < b.width - edge && p.y < b.height - edge;
    const zoom = this.map.getZoom() < 14 ? (place.area ? 14.6 : 16) : this.map.getZoom();
    if (!inside || zoom !== this.map.getZoom()) this.map.easeTo({center: at, zoom, duration: duration()});
  }

  private filter(to: Filter) {
    for (const a of document.querySelectorAll<HTMLAnchorElement>('.seg [data-show]')) {
      if (a.dataset.show === to.show) a.setAttribute('aria-current', 'true');
      else a.removeAttribute('aria-current');
      const q = filterQuery({...to, show: a.dataset.show!});
      a.href = '/' + (q.size ? '?' + q : '');
    }
    kinds.value = to.kind;
    if (to.show === filter.show && to.kind === filter.kind) return;
    filter = to;
    this.places.show(placesTiles(filter));
  }

  // A change redraws the marks, rings once where it happened, and renews the panel where that tells of it.
  private timer = 0;
  private told = -Infinity;
  private refreshed = -Infinity;
  private changed(c: Change) {
    const at = c.geometry.coordinates;
    if (this.map.getBounds().contains(at)) this.ring(at);
    const now = performance.now();
    if (now - this.told > 1500) {
      this.told = now;
      tell(c.text);
    }
    // Many changes at once are read together, and no more than once a second.
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.refreshed = performance.now();
      this.refresh();
    }, Math.max(250, 1000 - (now - this.refreshed)));
  }

  private refresh() {
    this.places.refresh();
    void load(new URLSearchParams(location.search)).then((shown) => shown && this.select(placeShown()), () => undefined);
  }

  private rings = 0;
  private ring(at: [number, number]) {
    if (this.rings > 20) return;
    this.rings++;
    const element = document.createElement('div');
    element.className = 'ring-hold';
    element.append(Object.assign(document.createElement('div'), {className: 'ring'}));
    const marker = new maplibre.Marker({element}).setLngLat(at).addTo(this.map);
    element.addEventListener('animationend', () => {
      marker.remove();
      this.rings--;
    }, {once: true});
  }

  // Light and dark have their own colours and their own pictures of the marks.
  private async recolour() {
    for (const id of this.map.listImages()) if (id.startsWith('plate|')) this.map.removeImage(id);
    this.map.setStyle(style(filter, selected(placeShown())), {diff: false});
    await this.map.once('style.load');
    await addMarks(this.map);
  }

  private here?: maplibre.Marker;
  private controls() {
    const act: Record<string, () => void> = {
      in: () => this.map.zoomIn({duration: duration()}),
      out: () => this.map.zoomOut({duration: duration()}),
      print: () => void this.paper.print(),
      here: () => this.locate(),
    };
    for (const b of box.querySelectorAll<HTMLElement>('.mctl [data-do]')) b.addEventListener('click', () => act[b.dataset.do!]?.());
  }

  private locate() {
    if (!navigator.geolocation) return tell(text('here.failed'));
    navigator.geolocation.getCurrentPosition(
      ({coords}) => {
        const at: [number, number] = [coords.longitude, coords.latitude];
        const element = Object.assign(document.createElement('div'), {className: 'me'});
        element.setAttribute('aria-label', text('here.mark'));
        element.setAttribute('role', 'img');
        this.here?.remove();
        this.here = new maplibre.Marker({element}).setLngLat(at).addTo(this.map);
        this.map.easeTo({center: at, zoom: Math.max(this.map.getZoom(), 15), duration: duration()});
      },
      (e) => tell(text(e.code === e.PERMISSION_DENIED ? 'here.denied' : 'here.failed')),
      {enableHighAccuracy: true, timeout: 15000},
    );
  }

  // On a phone the panel is a sheet: half the screen, or nearly all of it; and the legend is opened by who asks for it.
  private sheet() {
    const legend = box.querySelector<HTMLDetailsElement>('.legend')!;
    legend.open = !phone.matches && !low.matches;
    legend.hidden = false;
    const handle = side.querySelector<HTMLButtonElement>('.sheet-h')!;
    handle.hidden = false;
    handle.addEventListener('click', () => {
      const tall = side.classList.toggle('tall');
      handle.setAttribute('aria-expanded', String(tall));
      handle.setAttribute('aria-label', handle.dataset[tall ? 'less' : 'more']!);
    });
  }
}

void start();
