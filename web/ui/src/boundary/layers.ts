// The boundary on the map: its area and line, its corners, and the middles of its sides, which become corners.
import type {FeatureCollection} from 'geojson';
import type {LayerSpecification, StyleSpecification} from 'maplibre-gl';
import {token} from '../marks.ts';
import {style} from '../style.ts';
import type {Drawing} from './drawing.ts';
import {type Corner, type Ring, toGeoJSON} from './shape.ts';

const nothing = {type: 'FeatureCollection' as const, features: []};
const mostHandles = 400; // more corners in sight than that cannot be told apart

// ground is the map below: streets, land, and the boundaries around the one that is drawn.
export function ground(): StyleSpecification {
  const whole = style({show: 'all', kind: ''}, nothing);
  const {streets, ground} = whole.sources as Record<string, StyleSpecification['sources'][string]>;
  return {
    ...whole,
    sources: {streets: streets!, ground: ground!, around: {type: 'geojson', data: around()}, area: {type: 'geojson', data: nothing}, handles: {type: 'geojson', data: nothing}},
    layers: [...whole.layers.filter((l) => !('source' in l) || l.source === 'streets' || l.source === 'ground'), ...drawn()],
  };
}

// around are the boundaries of other bodies, which stand in the page.
function around(): FeatureCollection {
  const text = document.getElementById('around')?.textContent;
  return text ? (JSON.parse(text) as FeatureCollection) : nothing;
}

function drawn(): LayerSpecification[] {
  return [
    {id: 'around', type: 'line', source: 'around', layout: {'line-join': 'round'}, paint: {'line-color': token('ink'), 'line-width': 1.2}},
    {id: 'around-name', type: 'symbol', source: 'around',
      layout: {'symbol-placement': 'line', 'symbol-spacing': 220, 'text-field': ['get', 'name'], 'text-font': ['Overpass Medium'], 'text-size': 13},
      paint: {'text-color': token('ink'), 'text-halo-color': token('halo'), 'text-halo-width': 1.6}},
    {id: 'area', type: 'fill', source: 'area', filter: ['==', ['geometry-type'], 'Polygon'], paint: {'fill-color': token('ordered'), 'fill-opacity': 0.13}},
    {id: 'side', type: 'line', source: 'area', layout: {'line-join': 'round', 'line-cap': 'round'}, paint: {'line-color': token('ordered'), 'line-width': 2.5}},
    {id: 'middles', type: 'circle', source: 'handles', filter: ['==', ['get', 'kind'], 'middle'],
      paint: {'circle-radius': 4, 'circle-color': token('paper'), 'circle-opacity': 0.85, 'circle-stroke-color': token('ordered'), 'circle-stroke-width': 1}},
    {id: 'corners', type: 'circle', source: 'handles', filter: ['==', ['get', 'kind'], 'corner'],
      paint: {'circle-radius': 6, 'circle-color': token('paper'), 'circle-stroke-color': token('ordered'), 'circle-stroke-width': 2.5}},
    {id: 'chosen', type: 'circle', source: 'handles', filter: ['==', ['get', 'kind'], 'chosen'],
      paint: {'circle-radius': 8, 'circle-color': token('signal'), 'circle-stroke-color': token('on-signal'), 'circle-stroke-width': 2.5}},
  ];
}

export interface Handle {
  kind: 'corner' | 'middle';
  ring: number;
  at: number; // the corner, or the one before a middle
  position: Corner;
}

export interface Sight {
  contains(c: Corner): boolean;
  apart(a: Corner, b: Corner): number; // pixels
}

const roomForAMiddle = 36; // pixels between corners

// handles lists what can be taken hold of: none where there would be too many in sight.
export function handles(d: Drawing, sight: Sight): Handle[] {
  const out: Handle[] = [];
  for (const [ring, corners] of d.rings.entries()) {
    for (const [at, position] of corners.entries()) {
      if (sight.contains(position)) out.push({kind: 'corner', ring, at, position});
      const next = corners[(at + 1) % corners.length]!;
      const middle: Corner = [(position[0] + next[0]) / 2, (position[1] + next[1]) / 2];
      const side = at + 1 < corners.length || corners.length > 2;
      if (side && sight.contains(middle) && sight.apart(position, next) > roomForAMiddle) out.push({kind: 'middle', ring, at, position: middle});
      if (out.length > 2 * mostHandles) return [];
    }
  }
  return out;
}

export function handleFeatures(all: Handle[], d: Drawing): FeatureCollection {
  const kindOf = (h: Handle) => (h.kind === 'corner' && h.ring === d.chosen?.ring && h.at === d.chosen.at ? 'chosen' : h.kind);
  return {type: 'FeatureCollection', features: all.map((h) => ({type: 'Feature', properties: {kind: kindOf(h)}, geometry: {type: 'Point', coordinates: h.position}}))};
}

// areaFeatures draws whole rings as areas, and what is not yet one as a line.
export function areaFeatures(rings: Ring[]): FeatureCollection {
  const lines = rings.filter((r) => r.length === 2);
  return {type: 'FeatureCollection', features: [
    {type: 'Feature', properties: {}, geometry: toGeoJSON(rings.filter((r) => r.length > 2))},
    ...lines.map((r) => ({type: 'Feature' as const, properties: {}, geometry: {type: 'LineString' as const, coordinates: r}})),
  ]};
}
