// What the sensors gave, kept on the phone and handed out as the file that `streetpulse detect` reads.
import type {Fix} from './messages.ts';
import {rowSize} from './messages.ts';
import {type Store, isFull, recordedSize} from './store.ts';

const pieceRows = 1500; // about 25 s
const header = 't_s,ax_mps2,ay_mps2,az_mps2,gx_rads,gy_rads,gz_rads,lat,lon,speed_mps,heading_deg,accuracy_m\n';

export class Recorder {
  private rows = new Float64Array(pieceRows * recordedSize);
  private n = 0;
  private piece = 0;
  private began = 0;
  private fix?: Fix;

  constructor(private store: Store) {}

  position(fix: Fix): void {
    this.fix = fix;
  }

  /** samples takes samples; false where the storage is full. */
  async samples(rows: Float64Array): Promise<boolean> {
    let room = true;
    for (let i = 0; i < rows.length; i += rowSize) {
      this.began ||= rows[i]!;
      this.rows.set(rows.subarray(i, i + rowSize), this.n * recordedSize);
      const f = this.fix;
      this.rows.set(f ? [f.lat, f.lon, f.speed, f.heading, f.accuracy] : [NaN, NaN, NaN, NaN, NaN], this.n * recordedSize + rowSize);
      this.fix = undefined;
      if (++this.n === pieceRows && !(await this.flush())) room = false;
    }
    return room;
  }

  /** flush stores what there is. A piece that the storage does not take is lost, and the recording goes on; false where there is no room. */
  async flush(): Promise<boolean> {
    if (this.n === 0) return true;
    const rows = this.rows.subarray(0, this.n * recordedSize);
    this.n = 0;
    try {
      await this.store.record(this.began, this.piece, rows);
      this.piece++;
    } catch (e) {
      return !isFull(e);
    }
    return true;
  }

  /** makeRoom takes the newest piece away. */
  async makeRoom(): Promise<void> {
    if (this.piece > 0) await this.store.unrecord(this.began, this.piece - 1);
  }
}

/** csv returns a recording as a file. */
export async function csv(store: Store, recording: number): Promise<Blob> {
  const parts: string[] = [header];
  const digits = [3, 4, 4, 4, 4, 4, 4, 7, 7, 2, 1, 1];
  for await (const rows of store.recorded(recording)) {
    let text = '';
    for (let i = 0; i < rows.length; i += recordedSize) {
      text += digits.map((d, k) => (Number.isNaN(rows[i + k]!) ? '' : rows[i + k]!.toFixed(d))).join(',') + '\n';
    }
    parts.push(text);
  }
  return new Blob(parts, {type: 'text/csv'});
}
