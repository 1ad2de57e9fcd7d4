// The map of the report: it moves under a pin. What it finds goes into the form, which also works without it.
import type {Map as GLMap} from 'maplibre-gl';
import * as maplibre from 'maplibre-gl';
import {addMarks, addPlate} from './marks.ts';
import {search} from './search.ts';
import {style} from './style.ts';

const box = document.getElementById('rmap')!;
const near = document.getElementById('near')!;
const hits = document.getElementById('hits')!;
const lat = document.querySelector<HTMLInputElement>('#lat')!;
const lon = document.querySelector<HTMLInputElement>('#lon')!;
const texts = JSON.parse(box.dataset.texts ?? '{}') as Record<string, string>;
const text = (key: string) => texts[key] ?? key;
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const nearEnough = 15; // the zoom from which a pin can be meant
const maxBytes = 12 * 1024 * 1024;

function tell(words: string) {
  const p = box.querySelector<HTMLElement>('.tell')!;
  p.hidden = words === '';
  p.textContent = words;
}

let asked = 0;
async function choose(at: {lat: number; lng: number}) {
  const mine = ++asked;
  lat.value = at.lat.toFixed(6);
  lon.value = at.lng.toFixed(6);
  const query = new URLSearchParams(location.search);
  query.set('lat', lat.value);
  query.set('lon', lon.value);
  query.delete('q');
  history.replaceState(null, '', '/report?' + query);
  const answer = await fetch('/report/near?' + new URLSearchParams({lat: lat.value, lon: lon.value}));
  if (mine !== asked || !answer.ok) return;
  near.innerHTML = await answer.text();
}

function begin(): GLMap {
  maplibre.setWorkerUrl(box.dataset.worker!);
  const b = (box.dataset.bounds ?? '').split(',').map(Number) as [number, number, number, number];
  const map = new maplibre.Map({
    container: 'canvas', style: style({show: 'all', kind: ''}, {type: 'FeatureCollection', features: []}), attributionControl: false, maxPitch: 0, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, maxZoom: 19.9, fadeDuration: calm.matches ? 0 : 120,
    ...(lat.value ? {center: [Number(lon.value), Number(lat.value)] as [number, number], zoom: 17} : {bounds: b, fitBoundsOptions: {maxZoom: 15}}),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.getCanvas().setAttribute('aria-label', text('report'));
  return map;
}

async function start() {
  await Promise.all(['400 16px "Overpass Variable"', '600 16px "Overpass Semibold"', '500 16px "Overpass Medium"'].map((f) => document.fonts.load(f, 'Aß')));
  let map: GLMap;
  try {
    map = begin();
  } catch {
    return; // the form works without
  }
  document.documentElement.classList.add('live-map');
  Object.assign(box, {glmap: map});
  const drawn = addMarks(map);
  map.setMissingStyleImageResolver(async (id) => {
    await drawn;
    if (id.startsWith('plate|')) addPlate(map, id);
  });
  box.querySelector('.pin')!.removeAttribute('hidden');
  box.querySelector<HTMLElement>('.mctl')!.hidden = false;
  let moved = lat.value !== '';
  map.on('movestart', (e) => (moved ||= e.originalEvent !== undefined));
  map.on('moveend', () => {
    if (!moved) return;
    if (map.getZoom() < nearEnough) return tell(text('report.near'));
    tell('');
    void choose(map.getCenter());
  });
  if (lat.value === '') tell(text('report.move'));
  const go = (at: [number, number]) => {
    moved = true;
    map.easeTo({center: at, zoom: Math.max(map.getZoom(), 17), duration: calm.matches ? 0 : 180});
  };
  search(finder(), hits, (s) => go([s.lon, s.lat]), () => tell(text('search.none')));
  controls(map, go);
  map.once('idle', () => (box.dataset.ready = 'yes'));
}

// finder is the part of the form that looks for a street: with scripts its button, or Enter in its field, sends nothing.
function finder(): HTMLElement {
  const part = document.querySelector<HTMLElement>('.find')!;
  const find = (e: Event) => {
    e.preventDefault();
    part.dispatchEvent(new Event('submit', {cancelable: true}));
  };
  part.querySelector('button')!.addEventListener('click', find);
  const field = part.querySelector('input')!;
  field.removeAttribute('form'); // what is typed there is no part of the report
  field.addEventListener('keydown', (e) => e.key === 'Enter' && find(e));
  document.querySelector<HTMLButtonElement>('[name=do][value=enter]')!.formNoValidate = false;
  return part;
}

function controls(map: GLMap, go: (at: [number, number]) => void) {
  const act: Record<string, () => void> = {
    in: () => map.zoomIn({}, {originalEvent: true}),
    out: () => map.zoomOut({}, {originalEvent: true}),
    here: () => navigator.geolocation?.getCurrentPosition(({coords}) => go([coords.longitude, coords.latitude]),
      (e) => tell(text(e.code === e.PERMISSION_DENIED ? 'here.denied' : 'here.failed')), {enableHighAccuracy: true, timeout: 15000}),
  };
  for (const b of box.querySelectorAll<HTMLElement>('.mctl [data-do]')) b.addEventListener('click', () => act[b.dataset.do!]?.());
}

// Photos that would be refused are named before they are sent.
function photos() {
  const input = document.querySelector<HTMLInputElement>('#photos')!;
  const note = document.querySelector<HTMLElement>('#photos-now')!;
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    const large = files.find((f) => f.size > maxBytes);
    note.textContent = large ? text('photo.large') : files.length > 4 ? text('photo.many') : '';
    note.hidden = note.textContent === '';
    if (!note.hidden) input.value = '';
  });
}

document.querySelector<HTMLElement>('.problem')?.focus();
photos();
void start();
