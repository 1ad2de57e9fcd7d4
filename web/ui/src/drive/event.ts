// An event as the detector gives it, and as it is sent.
import {ulid} from 'ulid';
import type {Waiting} from './store.ts';

/** A jolt, with a wave, or a smooth pass, with the place that it answers for. What is not known is NaN. */
export interface Felt {
  at: number; lat: number; lon: number; accuracy: number; speed: number; heading: number;
  place?: string;
  peak?: number; duration?: number; rate?: number; wave?: number[];
}

const rounded = (x: number, digits: number) => Number(x.toFixed(digits));

/** eventOf is an event as it is sent: nothing in it but the contract's members. Behind is the seconds that the phone's clock is, where that is known. */
export function eventOf(e: Felt, behind?: number): Waiting {
  const ms = Math.round((e.at + (behind ?? 0)) * 1000);
  const id = ulid(ms);
  const event: Record<string, unknown> = {
    id, kind: e.wave ? 'bump' : 'pass', time: new Date(ms).toISOString(), lat: rounded(e.lat, 7), lon: rounded(e.lon, 7),
    accuracy_m: rounded(e.accuracy, 1), speed_mps: rounded(e.speed, 2),
  };
  if (!Number.isNaN(e.heading)) event.heading_deg = rounded(e.heading, 1);
  if (e.wave) {
    Object.assign(event, {peak_g: rounded(e.peak!, 3), duration_s: rounded(e.duration!, 3), rate_hz: rounded(e.rate!, 3)});
    if (e.wave.length > 0) event.wave_g = e.wave.map((x) => rounded(x, 3));
  } else {
    event.place = e.place;
  }
  return {id, body: JSON.stringify(event), ...(behind === undefined && {early: true})};
}
