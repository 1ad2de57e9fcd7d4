import assert from 'node:assert/strict';
import {test} from 'node:test';
import {type Ring, fromGeoJSON, toGeoJSON} from '../src/boundary/shape.ts';

const square = (half: number, x = 0, y = 0): Ring => [[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]];

test('rings within rings are holes, and areas again within those', () => {
  const {coordinates} = toGeoJSON([square(1), square(4), square(3), square(1, 20), square(0.5, 20)]);
  assert.deepEqual(coordinates.map((area) => area.map((ring) => ring[1]![0])), [[1], [4, 3], [21, 20.5]]);
  assert.ok(coordinates.flat().every((ring) => ring[0]![0] === ring.at(-1)![0] && ring.length === 5));
});

test('rings that cross each other stay two areas, for the server to refuse', () => {
  assert.equal(toGeoJSON([square(2), square(2, 1, 1)]).coordinates.length, 2);
});

test('what was written is read again', () => {
  const rings = [square(4), square(3)];
  const geometry = toGeoJSON(rings);
  for (const text of [geometry, {type: 'Feature', geometry}, {type: 'FeatureCollection', features: [{type: 'Feature', geometry}]}]) {
    assert.deepEqual(fromGeoJSON(JSON.stringify(text)), rings);
  }
  assert.deepEqual(fromGeoJSON(' '), []);
});

test('what is no boundary is not read', () => {
  for (const text of ['{', 'null', '{"type":"Point","coordinates":[1,2]}', '{"type":"Polygon","coordinates":[[["a",1]]]}', '{"type":"Polygon","coordinates":[[[1]]]}', '{"type":"Polygon","coordinates":[[[448,15]]]}']) {
    assert.equal(fromGeoJSON(text), null, text);
  }
});
