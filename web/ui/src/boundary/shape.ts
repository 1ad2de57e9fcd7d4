// A boundary while it is drawn: rings of corners, each closed by itself. What lies in what is found when it is written as GeoJSON.
export type Corner = [number, number]; // longitude, latitude
export type Ring = Corner[]; // the first corner is not repeated

export interface MultiPolygon {
  type: 'MultiPolygon';
  coordinates: Corner[][][];
}

const finest = 7; // decimals of a degree: about 1 cm

export function corner(lon: number, lat: number): Corner {
  return [Number(lon.toFixed(finest)), Number(lat.toFixed(finest))];
}

export function inside(ring: Ring, [x, y]: Corner): boolean {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i]!;
    const [xj, yj] = ring[j]!;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

const within = (ring: Ring, other: Ring) => ring !== other && other.every((c) => inside(ring, c));
const closed = (ring: Ring): Corner[] => [...ring, ring[0]!];

// toGeoJSON makes areas of the rings: a ring within another is a hole in it, one within a hole an area again.
export function toGeoJSON(rings: Ring[]): MultiPolygon {
  const drawn = rings.filter((r) => r.length > 0);
  const around = drawn.map((r) => drawn.filter((o) => within(o, r)));
  const areas = new Map<Ring, Corner[][]>();
  drawn.forEach((r, i) => {
    if (around[i]!.length % 2 === 0) areas.set(r, [closed(r)]);
  });
  drawn.forEach((r, i) => {
    if (around[i]!.length % 2 === 0) return;
    const holder = around[i]!.find((o) => areas.has(o) && around[drawn.indexOf(o)]!.length === around[i]!.length - 1);
    areas.get(holder!)!.push(closed(r));
  });
  return {type: 'MultiPolygon', coordinates: [...areas.values()]};
}

// fromGeoJSON reads what the form's text holds: a geometry, a Feature, or a collection of one. It is null where it holds anything else.
export function fromGeoJSON(text: string): Ring[] | null {
  if (text.trim() === '') return [];
  try {
    return ringsOf(JSON.parse(text));
  } catch {
    return null;
  }
}

function ringsOf(o: any): Ring[] | null {
  if (o?.type === 'FeatureCollection') return o.features.length === 1 ? ringsOf(o.features[0]) : null;
  if (o?.type === 'Feature') return ringsOf(o.geometry);
  const areas: unknown[][][] | null = o?.type === 'Polygon' ? [o.coordinates] : o?.type === 'MultiPolygon' ? o.coordinates : null;
  return areas?.flatMap((area) => area.map(ringOf)) ?? null;
}

function ringOf(positions: unknown[]): Ring {
  const ring = positions.map((p) => {
    const [lon, lat] = p as Corner;
    if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) throw new RangeError('off the globe');
    return [lon, lat] as Corner;
  });
  const [first, last] = [ring[0], ring.at(-1)];
  if (ring.length > 1 && first![0] === last![0] && first![1] === last![1]) ring.pop();
  return ring;
}
