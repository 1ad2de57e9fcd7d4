// The console's map: what the queue lists, with the order in hand above all.
import type {GeoJSONSource, Map as GLMap} from 'maplibre-gl';
import * as maplibre from 'maplibre-gl';
import type {Row} from './console_queue.ts';
import {addMarks, addPlate} from './marks.ts';
import {Places} from './places.ts';
import {style, type Selected} from './style.ts';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const duration = () => (calm.matches ? 0 : 180);

// tilesOf is where the marks of a view come from.
function tilesOf(query: URLSearchParams): string {
  const q = new URLSearchParams(query);
  for (const key of ['bbox', 'sort', 'order']) q.delete(key);
  return `${location.origin}/console/tiles/{z}/{x}/{y}.mvt?${q}`;
}

interface Heard {
  order(id: string, add: boolean): void; // was clicked on; add: together with others
  spot(lat: number, lon: number): boolean; // was clicked on, while one was asked for
  box(bbox: string): void; // what the queue is bound to; empty: nothing
}

const nothing: Selected = {type: 'FeatureCollection', features: []};

export class ConsoleMap {
  private selected = nothing;
  private row: Row | null = null;
  private picked: Row[] = [];
  private timer = 0;
  private places: Places;

  private constructor(private box: HTMLElement, private map: GLMap, private tiles: string, private on: Heard) {
    this.places = new Places(map);
  }

  static async make(box: HTMLElement, worker: string, bounds: string, query: URLSearchParams, label: string, on: Heard): Promise<ConsoleMap> {
    await Promise.all(['400 16px "Overpass Variable"', '600 16px "Overpass Semibold"', '500 16px "Overpass Medium"', 'italic 400 16px "Overpass Italic"'].map((f) => document.fonts.load(f, 'Aß')));
    maplibre.setWorkerUrl(worker);
    const [west, south, east, north] = (query.get('bbox') ?? bounds).split(',').map(Number) as [number, number, number, number];
    const map = new maplibre.Map({
      container: box.querySelector<HTMLElement>('.canvas')!, style: style({show: 'all', kind: ''}, nothing, tilesOf(query)), attributionControl: false,
      maxPitch: 0, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxZoom: 19.9, fadeDuration: calm.matches ? 0 : 120, refreshExpiredTiles: false,
      bounds: [west, south, east, north], fitBoundsOptions: query.has('bbox') ? {} : {padding: 24, maxZoom: 15}, keyboard: false,
    });
    map.touchZoomRotate.disableRotation();
    map.getCanvas().setAttribute('aria-label', label);
    const it = new ConsoleMap(box, map, tilesOf(query), on);
    Object.assign(box, {glmap: map}); // for tests and the browser's own console
    const drawn = addMarks(map);
    map.setMissingStyleImageResolver(async (id) => {
      await drawn;
      if (id.startsWith('plate|')) addPlate(map, id);
    });
    await drawn;
    it.begin();
    map.once('idle', () => (box.dataset.ready = 'yes'));
    return it;
  }

  private begin() {
    this.box.querySelector<HTMLElement>('.mctl')!.hidden = false;
    for (const b of this.box.querySelectorAll<HTMLElement>('.mctl [data-do]')) {
      b.addEventListener('click', () => (b.dataset.do === 'in' ? this.map.zoomIn({duration: duration()}) : this.map.zoomOut({duration: duration()})));
    }
    this.map.on('click', (e) => {
      if (this.on.spot(e.lngLat.lat, e.lngLat.lng)) return;
      const near = 5;
      const found = this.map.queryRenderedFeatures([[e.point.x - near, e.point.y - near], [e.point.x + near, e.point.y + near]], {layers: ['marks', 'plates']});
      const mark = found.find((f) => f.layer.id === 'marks');
      const plate = found.find((f) => f.layer.id === 'plates');
      const id = String(mark?.properties.ids ?? mark?.properties.id ?? '').split(',')[0];
      if (id) this.on.order(id, e.originalEvent.shiftKey || e.originalEvent.ctrlKey || e.originalEvent.metaKey);
      else if (plate && plate.geometry.type === 'Point') this.map.easeTo({center: plate.geometry.coordinates as [number, number], zoom: Math.min(this.map.getZoom() + 2, 15), duration: duration()});
    });
    this.only.addEventListener('click', () => {
      this.only.setAttribute('aria-pressed', String(!this.bound));
      this.on.box(this.bound ? this.bbox() : '');
    });
    this.map.on('moveend', () => this.bound && this.on.box(this.bbox()));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => void this.recolour());
    this.map.once('load', () => this.map.getSource<GeoJSONSource>('selected')?.setData(this.selected));
  }

  private get only(): HTMLElement {
    return this.box.querySelector<HTMLElement>('.only')!;
  }

  // bound says whether the queue lists only what the map shows.
  get bound(): boolean {
    return this.only.getAttribute('aria-pressed') === 'true';
  }

  private bbox(): string {
    const b = this.map.getBounds();
    return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()].map((x) => x.toFixed(5)).join(',');
  }

  // select shows what another view of the queue lists.
  select(query: URLSearchParams) {
    this.only.setAttribute('aria-pressed', String(query.has('bbox')));
    const tiles = tilesOf(query);
    if (tiles === this.tiles) return;
    this.tiles = tiles;
    this.places.show(tiles);
  }

  // pick rings orders that are selected together.
  pick(rows: Row[]) {
    if (rows.length === 0 && this.picked.length === 0) return;
    this.picked = rows;
    this.draw();
  }

  private draw() {
    const point = (r: Row, more: Record<string, string>) =>
      ({type: 'Feature' as const, properties: {mark: r.mark, ...more}, geometry: {type: 'Point' as const, coordinates: [r.lon, r.lat]}});
    this.selected = {type: 'FeatureCollection', features: [...this.picked.map((r) => point(r, {picked: 'yes'})), ...(this.row ? [point(this.row, {})] : [])]};
    this.map.getSource<GeoJSONSource>('selected')?.setData(this.selected);
  }

  // show marks an order, and moves the map where it is out of sight, unless the queue follows the map.
  show(row: Row | null) {
    this.row = row;
    this.draw();
    if (!row || this.bound) return;
    const b = this.map.getContainer().getBoundingClientRect();
    if (b.width === 0) return;
    const p = this.map.project([row.lon, row.lat]);
    const inside = p.x > 60 && p.y > 60 && p.x < b.width - 60 && p.y < b.height - 60;
    const zoom = this.map.getZoom() < 14 ? 15.5 : this.map.getZoom();
    if (!inside || zoom !== this.map.getZoom()) this.map.easeTo({center: [row.lon, row.lat], zoom, duration: duration()});
  }

  centre(): {lat: number; lng: number} {
    return this.map.getCenter();
  }

  resize() {
    this.map.resize();
  }

  // refresh draws the marks anew, soon.
  refresh() {
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.places.refresh();
    }, 400);
  }

  private async recolour() {
    for (const id of this.map.listImages()) if (id.startsWith('plate|')) this.map.removeImage(id);
    this.map.setStyle(style({show: 'all', kind: ''}, this.selected, this.tiles), {diff: false});
    await this.map.once('style.load');
    await addMarks(this.map);
  }
}
