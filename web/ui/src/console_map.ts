// The console's map: the same as the public's, with the order in hand above all.
import type {GeoJSONSource, Map as GLMap} from 'maplibre-gl';
import * as maplibre from 'maplibre-gl';
import type {Row} from './console_queue.ts';
import {addMarks, addPlate} from './marks.ts';
import {style, type Selected} from './style.ts';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const duration = () => (calm.matches ? 0 : 180);

export class ConsoleMap {
  private selected: Selected = {type: 'FeatureCollection', features: []};
  private timer = 0;

  private constructor(private box: HTMLElement, private map: GLMap, private on: {place(id: string): void; spot(lat: number, lon: number): boolean}) {}

  static async make(box: HTMLElement, worker: string, bounds: string, label: string, on: {place(id: string): void; spot(lat: number, lon: number): boolean}): Promise<ConsoleMap> {
    await Promise.all(['400 16px "Overpass Variable"', '600 16px "Overpass Semibold"', '500 16px "Overpass Medium"', 'italic 400 16px "Overpass Italic"'].map((f) => document.fonts.load(f, 'Aß')));
    maplibre.setWorkerUrl(worker);
    const [west, south, east, north] = bounds.split(',').map(Number) as [number, number, number, number];
    const map = new maplibre.Map({
      container: box.querySelector<HTMLElement>('.canvas')!, style: style({show: 'all', kind: ''}, {type: 'FeatureCollection', features: []}), attributionControl: false,
      maxPitch: 0, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxZoom: 19.9, fadeDuration: calm.matches ? 0 : 120, refreshExpiredTiles: false,
      bounds: [west, south, east, north], fitBoundsOptions: {padding: 24, maxZoom: 15}, keyboard: false,
    });
    map.touchZoomRotate.disableRotation();
    map.getCanvas().setAttribute('aria-label', label);
    const it = new ConsoleMap(box, map, on);
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
      if (id) this.on.place(id);
      else if (plate && plate.geometry.type === 'Point') this.map.easeTo({center: plate.geometry.coordinates as [number, number], zoom: Math.min(this.map.getZoom() + 2, 15), duration: duration()});
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => void this.recolour());
    this.map.once('load', () => this.map.getSource<GeoJSONSource>('selected')?.setData(this.selected));
  }

  // show marks an order, and moves the map where it is out of sight.
  show(row: Row | null) {
    this.selected = {type: 'FeatureCollection', features: row ? [{type: 'Feature', properties: {mark: row.mark}, geometry: {type: 'Point', coordinates: [row.lon, row.lat]}}] : []};
    this.map.getSource<GeoJSONSource>('selected')?.setData(this.selected);
    if (!row) return;
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
      this.map.refreshTiles('places');
    }, 400);
  }

  private async recolour() {
    for (const id of this.map.listImages()) if (id.startsWith('plate|')) this.map.removeImage(id);
    this.map.setStyle(style({show: 'all', kind: ''}, this.selected), {diff: false});
    await this.map.once('style.load');
    await addMarks(this.map);
  }
}
