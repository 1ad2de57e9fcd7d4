// The look of the map: land, wood, coverage, water, rail, street casings, streets, labels, marks, selection, in this
// order, from the tokens of the moment. No glyphs: labels are drawn from the page's font.
import type {ExpressionSpecification as Expression, LayerSpecification, StyleSpecification} from 'maplibre-gl';
import {colourOf, marks, token} from './marks.ts';

const trunk = ['motorway', 'motorway_link', 'trunk', 'trunk_link'];
const major = ['primary', 'primary_link', 'secondary', 'secondary_link', 'tertiary', 'tertiary_link'];
const minor = ['residential', 'unclassified', 'living_street', 'road', 'pedestrian'];

const classIn = (classes: string[]): Expression => ['in', ['get', 'class'], ['literal', classes]];
const kindIs = (...kinds: string[]): Expression => ['in', ['get', 'kind'], ['literal', kinds]];

// Widths in pixels: thin far out, the street's own width from zoom 17 on (0.4 m a pixel there, half of it at each
// further zoom). extra is what the casing adds.
const width = (far: number, mid: number, true17: number, extra = 0): Expression => [
  'interpolate', ['exponential', 2], ['zoom'],
  11, far + extra, 14, mid * 0.72 + extra, 15, mid + extra, 17, true17 + extra, 20, true17 * 8 + extra,
];

// OpenStreetMap joins the names of one street by semicolons; the first is enough.
const name: Expression = ['let', 'end', ['index-of', ';', ['get', 'name']], ['case', ['<', ['var', 'end'], 0], ['get', 'name'], ['slice', ['get', 'name'], 0, ['var', 'end']]]];

const round = {'line-cap': 'round', 'line-join': 'round'} as const;

function streets(): LayerSpecification[] {
  const layer = (id: string, filter: Expression, colour: string, w: Expression, minzoom = 0): LayerSpecification => ({
    id, type: 'line', source: 'streets', 'source-layer': 'streets', filter, minzoom, layout: round,
    paint: {'line-color': colour, 'line-width': w},
  });
  const service: Expression = ['==', ['get', 'class'], 'service'];
  return [
    {
      id: 'foot', type: 'line', source: 'streets', 'source-layer': 'streets', minzoom: 15,
      filter: classIn(['footway', 'path', 'steps', 'cycleway', 'bridleway']),
      paint: {'line-color': token('m-foot'), 'line-width': ['interpolate', ['linear'], ['zoom'], 15, 1, 18, 2], 'line-dasharray': [2, 2.5]},
    },
    layer('track', ['==', ['get', 'class'], 'track'], token('m-foot'), ['interpolate', ['linear'], ['zoom'], 14, 1, 18, 2.4], 14),
    layer('service-case', service, token('m-minor-case'), width(0.4, 1.5, 7, 1.2), 14),
    layer('minor-far', classIn(minor), token('m-minor-case'), ['interpolate', ['linear'], ['zoom'], 12, 0.5, 13.5, 1], 12),
    layer('minor-case', classIn(minor), token('m-minor-case'), width(0.5, 4.2, 20, 1.6), 13.5),
    layer('major-case', classIn(major), token('m-major-case'), width(1.6, 6, 27, 1.8)),
    layer('trunk-case', classIn(trunk), token('m-trunk-case'), width(2, 7.2, 30, 1.8)),
    layer('service', service, token('m-minor'), width(0.4, 1.5, 7), 14),
    layer('minor', classIn(minor), token('m-minor'), width(0.5, 4.2, 20), 13.5),
    layer('major', classIn(major), token('m-major'), width(1.6, 6, 27)),
    layer('trunk', classIn(trunk), token('m-trunk'), width(2, 7.2, 30)),
  ];
}

function ground(): {below: LayerSpecification[]; above: LayerSpecification[]} {
  const fill = (id: string, filter: Expression, colour: string): LayerSpecification => ({
    id, type: 'fill', source: 'ground', 'source-layer': 'ground', filter, paint: {'fill-color': colour, 'fill-antialias': false},
  });
  const line = (id: string, filter: Expression, paint: object, minzoom = 0): LayerSpecification => ({
    id, type: 'line', source: 'ground', 'source-layer': 'ground', filter, paint, minzoom,
  });
  const isArea: Expression = ['==', ['geometry-type'], 'Polygon'];
  const water: Expression = ['all', kindIs('water'), isArea];
  return {
    below: [fill('wood', ['all', kindIs('wood', 'park'), isArea], token('m-wood')), fill('vineyard', ['all', kindIs('vineyard'), isArea], token('m-vine'))],
    above: [
      fill('water', water, token('m-water')),
      line('shore', water, {'line-color': token('m-shore'), 'line-width': 1}),
      line('waterway', kindIs('waterway'), {'line-color': token('m-water'), 'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 10, 1, 15, 5, 18, 20]}),
      line('rail', kindIs('rail'), {'line-color': token('m-rail'), 'line-width': 1}, 11),
      line('sleepers', kindIs('rail'), {'line-color': token('m-rail'), 'line-width': 4, 'line-dasharray': [0.25, 2.25]}, 14),
    ],
  };
}

// coverageZoom is how near coverage is drawn from: what is not shown must not look as if it had been driven.
export const coverageZoom = 11;

function coverage(): LayerSpecification[] {
  const base = {source: 'coverage', 'source-layer': 'coverage', minzoom: coverageZoom} as const;
  return [
    {id: 'coverage', type: 'fill', ...base, paint: {'fill-antialias': false, 'fill-color': ['match', ['get', 'level'],
      'often', token('cov-often-fill'), 'seldom', token('cov-seldom-fill'), token('cov-never-fill')]}},
    {id: 'coverage-texture', type: 'fill', ...base, filter: ['!=', ['get', 'level'], 'often'], paint: {'fill-antialias': false, 'fill-opacity-transition': {duration: 0},
      'fill-pattern': ['match', ['get', 'level'], 'seldom', 'pattern-seldom', 'pattern-never']}},
  ];
}

function labels(): LayerSpecification[] {
  const label = (id: string, filter: Expression, minzoom: number, font: string, colour: string, size: Expression | number): LayerSpecification => ({
    id, type: 'symbol', source: 'streets', 'source-layer': 'streets', filter: ['all', filter, ['has', 'name']], minzoom,
    layout: {'symbol-placement': 'line', 'text-field': name, 'text-font': [font], 'text-size': size, 'text-letter-spacing': 0.01,
      'symbol-spacing': 420, 'text-padding': 6, 'text-max-angle': 32},
    paint: {'text-color': colour, 'text-halo-color': token('m-label-halo'), 'text-halo-width': 1.6},
  });
  const grow: Expression = ['interpolate', ['linear'], ['zoom'], 13, 11.5, 16, 13, 18, 15];
  return [
    {
      id: 'water-name', type: 'symbol', source: 'ground', 'source-layer': 'ground', minzoom: 12, filter: ['all', kindIs('waterway'), ['has', 'name']],
      layout: {'symbol-placement': 'line', 'text-field': ['get', 'name'], 'text-font': ['Overpass Italic'], 'text-size': 13, 'text-letter-spacing': 0.2, 'symbol-spacing': 500},
      paint: {'text-color': token('m-water-ink'), 'text-halo-color': token('m-water'), 'text-halo-width': 1},
    },
    label('minor-name', classIn([...minor, 'service', 'footway', 'track']), 14.5, 'Overpass Variable', token('m-label'), grow),
    label('major-name', classIn([...major, ...trunk]), 12.5, 'Overpass Medium', token('ink'), grow),
  ];
}

const byMark = (): Expression => ['match', ['get', 'mark'], ...marks.flatMap((m) => [m, colourOf(m)]), token('suspected')] as unknown as Expression;

function placeMarks(): LayerSpecification[] {
  const base = {source: 'places', 'source-layer': 'places'} as const;
  const single: Expression = ['has', 'id'];
  const icon: Expression = ['concat', 'mark-', ['get', 'mark'], '-', ['to-string', ['get', 'size']]];
  return [
    {id: 'uncertainty-fill', type: 'fill', source: 'places', 'source-layer': 'uncertainty', minzoom: 17, paint: {'fill-color': byMark(), 'fill-opacity': 0.1, 'fill-opacity-transition': {duration: 0}}},
    {id: 'uncertainty', type: 'line', source: 'places', 'source-layer': 'uncertainty', minzoom: 17,
      paint: {'line-color': byMark(), 'line-width': 1.2, 'line-dasharray': [3, 2.4], 'line-opacity-transition': {duration: 0}}},
    {id: 'arrows', type: 'symbol', ...base, minzoom: 17, filter: ['has', 'heading_deg'],
      layout: {'icon-image': 'arrow', 'icon-rotate': ['get', 'heading_deg'], 'icon-rotation-alignment': 'map', 'icon-allow-overlap': true,
        'icon-ignore-placement': true, 'icon-anchor': 'bottom', 'icon-offset': [0, -18], 'icon-size': 0.8}},
    {id: 'plates', type: 'symbol', ...base, filter: ['!', single],
      layout: {'icon-image': ['concat', 'plate|', ['get', 'mark'], '|', ['to-string', ['get', 'n']], '|', ['get', 'mix']], 'icon-allow-overlap': true,
        'symbol-z-order': 'source'}},
    {id: 'marks', type: 'symbol', ...base, filter: single,
      // The tile has them in the order of drawing: a sort key would make a call of its own for every severity.
      layout: {'icon-image': icon, 'icon-allow-overlap': true, 'symbol-z-order': 'source',
        'text-field': ['case', ['>', ['get', 'n'], 1], ['to-string', ['get', 'n']], ''], 'text-font': ['Overpass Semibold'], 'text-size': 12, 'text-offset': [1.1, -0.9], 'text-allow-overlap': true},
      paint: {'text-color': token('ink'), 'text-halo-color': token('halo'), 'text-halo-width': 1.6}},
  ];
}

function selection(): LayerSpecification[] {
  const picked: Expression = ['has', 'picked'];
  const point: Expression = ['all', ['==', ['geometry-type'], 'Point'], ['!', picked]];
  const shape: Expression = ['==', ['geometry-type'], 'Polygon'];
  return [
    {id: 'selected-area', type: 'fill', source: 'selected', filter: shape, paint: {'fill-color': byMark(), 'fill-opacity': 0.12}},
    {id: 'selected-edge', type: 'line', source: 'selected', filter: shape, paint: {'line-color': byMark(), 'line-width': 1.4, 'line-dasharray': [3, 2.4]}},
    {id: 'picked', type: 'circle', source: 'selected', filter: picked,
      paint: {'circle-radius': 14, 'circle-opacity': 0, 'circle-stroke-color': token('ink'), 'circle-stroke-width': 2.5}},
    {id: 'selected-disc', type: 'circle', source: 'selected', filter: point,
      paint: {'circle-radius': 18, 'circle-color': token('signal'), 'circle-stroke-color': token('on-signal'), 'circle-stroke-width': 2.5}},
    {id: 'selected-mark', type: 'symbol', source: 'selected', filter: point,
      layout: {'icon-image': ['concat', 'mark-', ['get', 'mark'], '-24'], 'icon-allow-overlap': true, 'icon-ignore-placement': true}},
  ];
}

export interface Selected {
  type: 'FeatureCollection';
  features: {type: 'Feature'; properties: Record<string, string>; geometry: {type: 'Point'; coordinates: number[]} | {type: 'Polygon'; coordinates: number[][][]}}[];
}

export interface Filter {
  show: string; // a group of states
  kind: string; // a class; empty: every one
}

export function filterQuery(f: Filter): URLSearchParams {
  return new URLSearchParams({...(f.show === 'all' ? {} : {show: f.show}), ...(f.kind ? {class: f.kind} : {})});
}

export function placesTiles(f: Filter): string {
  const q = filterQuery(f);
  return `${location.origin}/tiles/places/{z}/{x}/{y}.mvt` + (q.size ? '?' + q : '');
}

// style returns the whole style; places says where its marks come from, selected the place in hand.
export function style(filter: Filter, selected: Selected, places = placesTiles(filter)): StyleSpecification {
  const tiles = (layer: string, minzoom: number, maxzoom: number) =>
    ({type: 'vector' as const, tiles: [`${location.origin}/tiles/${layer}/{z}/{x}/{y}.mvt`], minzoom, maxzoom});
  const g = ground();
  return {
    version: 8,
    sources: {
      streets: tiles('streets', 0, 15), ground: tiles('ground', 0, 15), coverage: tiles('coverage', coverageZoom, 14),
      places: {type: 'vector', tiles: [places], minzoom: 0, maxzoom: 17},
      selected: {type: 'geojson', data: selected},
    },
    layers: [
      {id: 'land', type: 'background', paint: {'background-color': token('m-land')}},
      ...g.below, ...coverage(), ...g.above, ...streets(), ...labels(), ...placeMarks(), ...selection(),
    ],
  };
}
