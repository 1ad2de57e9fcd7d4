// The detector: Go compiled to WebAssembly (firmware-sim/browser), with the script of its toolchain.
import 'wasm_exec';
import {type Felt, eventOf} from './event.ts';
import type {DriveState, Fix} from './messages.ts';
import {rowSize} from './messages.ts';
import type {Waiting, Watched} from './store.ts';

declare class Go {
  importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<void>;
}

interface GoDrive {
  problem: string;
  revision: number;
  samples(bytes: Uint8Array): void;
  fix(t: number, lat: number, lon: number, accuracy: number, speed: number, heading: number): void;
  watch(region: string, places: Watched[]): void;
  end(): void;
  state(): DriveState;
}

type Begin = (options: {parameters: object | null; device: string; withhold: number; out: (felt: Felt) => void}) => GoDrive;

let loading: Promise<Begin> | undefined;

/** load loads the detector, once. */
export function load(url: string): Promise<Begin> {
  loading ??= (async () => {
    const go = new Go();
    const {instance} = await WebAssembly.instantiateStreaming(fetch(url), go.importObject);
    void go.run(instance);
    return (globalThis as unknown as {streetpulse: Begin}).streetpulse;
  })();
  loading.catch(() => (loading = undefined)); // next time it may be there
  return loading;
}

/** Feeling is one drive. */
export class Feeling {
  readonly problem: string;
  readonly revision: number; // of the detector's parameters; 0: they have none
  private drive: GoDrive;
  private packed = new Float64Array(0);

  constructor(begin: Begin, parameters: object | null, device: string, withhold: number, behind: () => number | undefined,
    out: (event: Waiting, jolt: boolean) => void) {
    this.drive = begin({parameters, device, withhold, out: (felt) => out(eventOf(felt, behind()), felt.wave !== undefined)});
    this.problem = this.drive.problem;
    this.revision = this.drive.revision;
  }

  samples(rows: Float64Array): void {
    const n = rows.length / rowSize;
    if (this.packed.length < n * 5) this.packed = new Float64Array(n * 5);
    for (let i = 0; i < n; i++) {
      this.packed.set(rows.subarray(i * rowSize, i * rowSize + 4), i * 5);
      this.packed[i * 5 + 4] = Math.hypot(rows[i * rowSize + 4]!, rows[i * rowSize + 5]!, rows[i * rowSize + 6]!);
    }
    this.drive.samples(new Uint8Array(this.packed.buffer, 0, n * 5 * 8));
  }

  fix(f: Fix): void {
    this.drive.fix(f.t, f.lat, f.lon, f.accuracy, f.speed, f.heading);
  }

  watch(region: string, places: Watched[]): void {
    this.drive.watch(region, places);
  }

  end(): void {
    this.drive.end();
  }

  state(): DriveState {
    return this.drive.state();
  }
}
