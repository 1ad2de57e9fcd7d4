// The look of the map: land, wood, coverage, water, rail, street casings, streets, labels, marks, selection, in this
// order, from the tokens of the moment. No glyphs: labels are drawn from the page's font.
import type {ExpressionSpecification as Expression, LayerSpecification, StyleSpecification} from 'maplibre-gl';
import {colourOf, marks, token} from './marks.ts';

const trunk = ['motorway', 'motorway_link', 'trunk', 'trunk_link'];
const major = ['primary', 'primary_link', 'secondary', 'secondary_link', 'tertiary', 'tertiary_link'];
const minor = ['residential', 'unclassified', 'living_street', 'road', 'pedestrian'];

const classIn = (classes: string[]): Expression => ['in', ['get', 'class'], ['literal', classes]];
const kindIs = (...kinds: string[]): Expression => ['in', ['get', 'kind'], ['literal', kinds]];

// Streets of all classes are drawn by the same two layers, as each layer is a call of its own for every tile.
const byClass = <T>(service: T, small: T, large: T, fast: T): Expression => ['match', ['get', 'class'], trunk, fast, major, large, minor, small, service] as unknown as Expression;

// Widths in pixels: thin far out, the street's own width from zoom 17 on (0.4 m a pixel there, half of it at each
// further zoom). extra is what the casing adds.
const width = (extra: {service: number; small: number; large: number}): Expression => {
  const at = (service: number, small: number, large: number, fast: number) =>
    byClass(service + extra.service, small + extra.small, large + extra.large, fast + extra.large);
  return ['interpolate', ['exponential', 2], ['zoom'],
    11, at(0.4, 0.5, 1.6, 2), 14, at(1.1, 3, 4.3, 5.2), 15, at(1.5, 4.2, 6, 7.2), 17, at(7, 20, 27, 30), 20, at(56, 160, 216, 240)];
};

// OpenStreetMap joins the names of one street by semicolons; the first is enough.
const name: Expression = ['let', 'end', ['index-of', ';', ['get', 'name']], ['case', ['<', ['var', 'end'], 0], ['get', 'name'], ['slice', ['get', 'name'], 0, ['var', 'end']]]];

const round = {'line-cap': 'round', 'line-join': 'round'} as const;

function streets(): LayerSpecification[] {
  const layer = (id: string, colour: Expression, w: Expression): LayerSpecification => ({
    id, type: 'line', source: 'streets', 'source-layer': 'streets', layout: {...round, 'line-sort-key': byClass(0, 1, 2, 3)},
    filter: ['any', classIn([...major, ...trunk]), ['all', ['>=', ['zoom'], 14], classIn([...minor, 'service'])]],
    paint: {'line-color': colour, 'line-width': w},
  });
  return [
    {
      id: 'foot', type: 'line', source: 'streets', 'source-layer': 'streets', minzoom: 15,
      filter: classIn(['footway', 'path', 'steps', 'cycleway', 'bridleway']),
      paint: {'line-color': token('m-foot'), 'line-width': ['interpolate', ['linear'], ['zoom'], 15, 1, 18, 2], 'line-dasharray': [2, 2.5]},
    },
    {
      id: 'thin', type: 'line', source: 'streets', 'source-layer': 'streets', minzoom: 12, layout: round,
      filter: ['any', ['all', ['<', ['zoom'], 14], classIn(minor)], ['all', ['>=', ['zoom'], 14], classIn(['track'])]],
      paint: {'line-color': ['match', ['get', 'class'], 'track', token('m-foot'), token('m-minor-case')],
        'line-width': ['interpolate', ['linear'], ['zoom'], 12, 0.5, 14, 1.1, 18, 2.4]},
    },
    layer('casing', byClass(token('m-minor-case'), token('m-minor-case'), token('m-major-case'), token('m-trunk-case')), width({service: 1.2, small: 1.6, large: 1.8})),
    layer('street', byClass(token('m-minor'), token('m-minor'), token('m-major'), token('m-trunk')), width({service: 0, small: 0, large: 0})),
  ];
}

function ground(): {below: LayerSpecification[]; above: LayerSpecification[]} {
  const fill = (id: string, filter: Expression, colour: Expression | string): LayerSpecification => ({
    id, type: 'fill', source: 'ground', 'source-layer': 'ground', filter, paint: {'fill-color': colour, 'fill-antialias': false},
  });
  const isArea: Expression = ['==', ['geometry-type'], 'Polygon'];
  const water: Expression = ['all', kindIs('water'), isArea];
  const wide = (waterway: number): Expression => ['match', ['get', 'kind'], 'waterway', waterway, 1];
  return {
    below: [fill('green', ['all', kindIs('wood', 'park', 'vineyard'), isArea], ['match', ['get', 'kind'], 'vineyard', token('m-vine'), token('m-wood')])],
    above: [
      fill('water', water, token('m-water')),
      {
        id: 'shores', type: 'line', source: 'ground', 'source-layer': 'ground', // and waterways, and rails
        filter: ['any', water, kindIs('waterway'), ['all', kindIs('rail'), ['>=', ['zoom'], 11]]],
        paint: {'line-color': ['match', ['get', 'kind'], 'rail', token('m-rail'), 'waterway', token('m-water'), token('m-shore')],
          'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 10, wide(1), 15, wide(5), 18, wide(20)]},
      },
      {
        id: 'sleepers', type: 'line', source: 'ground', 'source-layer': 'ground', minzoom: 14, filter: kindIs('rail'),
        paint: {'line-color': token('m-rail'), 'line-width': 4, 'line-dasharray': [0.25, 2.25]},
      },
    ],
  };
}

// coverageZoom is how near coverage is drawn from: what is not shown must not look as if it had been driven.
export const coverageZoom = 10;

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
