// What of the drive page can be tested without a browser. The rest is in web/drive_test.go.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {batchOf, rejectionsOf} from '../src/drive/account.ts';
import {eventOf} from '../src/drive/event.ts';
import {csv} from '../src/drive/recorder.ts';
import {Regions, parse} from '../src/drive/regions.ts';
import type {Store, WatchList} from '../src/drive/store.ts';

const felt = {at: 1772436664.1204, lat: 51.05010004, lon: 3.72020001, accuracy: 5.24, speed: 11.304, heading: NaN};

test('a jolt is sent as the contract has it', () => {
  const {id, body} = eventOf({...felt, heading: 87.04, peak: 1.21049, duration: 0.2104, rate: 60, wave: [0.01004, -0.02]});
  assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assert.deepEqual(JSON.parse(body), {
    id, kind: 'bump', time: '2026-03-02T07:31:04.120Z', lat: 51.0501, lon: 3.7202, accuracy_m: 5.2, speed_mps: 11.3, heading_deg: 87,
    peak_g: 1.21, duration_s: 0.21, rate_hz: 60, wave_g: [0.01, -0.02],
  });
});

test('an answer names what it answers for, and no heading where none is known', () => {
  const {id, body} = eventOf({...felt, place: 'a9pt0z41k3vsb7xe'});
  assert.deepEqual(JSON.parse(body), {
    id, kind: 'pass', time: '2026-03-02T07:31:04.120Z', lat: 51.0501, lon: 3.7202, accuracy_m: 5.2, speed_mps: 11.3, place: 'a9pt0z41k3vsb7xe',
  });
});

test('the time is right though the clock is known to be wrong, and marked where that is not known', () => {
  const {body, early} = eventOf({...felt, place: 'x'}, -3600);
  assert.equal((JSON.parse(body) as {time: string}).time, '2026-03-02T06:31:04.120Z');
  assert.equal(early, undefined);
  assert.equal(eventOf({...felt, place: 'x'}).early, true);
});

test('what was refused is read from an answer, and from feedback', () => {
  assert.deepEqual(rejectionsOf('{"accepted":1,"rejected":[{"id":"a","reason":"time is ahead"}]}'), [{id: 'a', reason: 'time is ahead'}]);
  for (const none of ['', '{', '{"accepted":1}', '{"rejected":null}', 'null']) assert.deepEqual(rejectionsOf(none), []);
});

test('ids follow the time of what was felt', () => {
  assert.ok(eventOf({...felt, place: 'x'}).id < eventOf({...felt, at: felt.at + 1, place: 'x'}).id);
});

test('a batch holds its events as they are', () => {
  const events = [eventOf({...felt, place: 'x'}), eventOf({...felt, place: 'y'})];
  assert.deepEqual(JSON.parse(batchOf(events)), {v: 1, events: events.map((e) => JSON.parse(e.body))});
});

test('a watch list is read, and what cannot be read is none', () => {
  const place = {id: 'a', lat: 48.4, lon: 15.6, heading_deg: 87, radius_m: 20};
  assert.deepEqual(parse(JSON.stringify({v: 1, places: [place, {id: 'b', lat: '48'}, {}]})), [place]);
  assert.deepEqual(parse('{"v":1,"places":[]}'), []);
  for (const bad of ['', '{', '{"v":2,"places":[]}', '{"v":1}', '[]', 'null']) assert.equal(parse(bad), undefined, bad);
});

class Shelf {
  kept: WatchList[] = [];
  dropped: string[] = [];
  lists = () => Promise.resolve(this.kept);
  keepList = (l: WatchList) => Promise.resolve(void this.kept.push(l));
  dropLists = (cells: string[]) => Promise.resolve(void this.dropped.push(...cells));
}

test('seven cells are around, asked for when their lists are old', async () => {
  const shelf = new Shelf();
  const now = Date.now() / 1000;
  const regions = new Regions(shelf as unknown as Store);
  assert.equal(regions.move(48.41, 15.61), true);
  assert.equal(regions.move(48.4101, 15.6101), false);
  assert.equal(new Set(regions.around).size, 7);
  const [here, next, far] = regions.around as [string, string, string];
  shelf.kept = [{cell: here, at: now - 3600, places: []}, {cell: next, at: now - 86400, places: []}, {cell: far, at: now - 4 * 86400, places: []}];
  await regions.load();
  assert.deepEqual([here, next, far].map((c) => regions.isFresh(c)), [true, false, false]);
  assert.deepEqual(regions.near().map((l) => l.cell), [here, next]);
  assert.deepEqual(shelf.dropped, [far]);
  assert.deepEqual(await regions.take(next, '{"v":1,"places":[]}'), []);
  assert.ok(regions.isFresh(next));
});

test('a recording has a position where one came, and nothing where it is not known', async () => {
  const store = {recorded: async function* () {
    yield new Float64Array([1772436664.12, 0, 0, 9.80665, NaN, NaN, NaN, 51.05, 3.72, 11.3, NaN, 5, 1772436664.137, 0.1, 0, 9.7, 0.01, 0, 0, NaN, NaN, NaN, NaN, NaN]);
  }};
  assert.equal(await (await csv(store as unknown as Store, 1)).text(), 't_s,ax_mps2,ay_mps2,az_mps2,gx_rads,gy_rads,gz_rads,lat,lon,speed_mps,heading_deg,accuracy_m\n' +
    '1772436664.120,0.0000,0.0000,9.8066,,,,51.0500000,3.7200000,11.30,,5.0\n1772436664.137,0.1000,0.0000,9.7000,0.0100,0.0000,0.0000,,,,,\n');
});
