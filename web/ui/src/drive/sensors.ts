// The phone's sensors: asked for when a drive starts, read until it ends.
import {type Fix, rowSize} from './messages.ts';

const batch = 16; // samples handed on together: about a quarter of a second
const jumpS = 2; // a clock that differs by more was set, or the phone slept

export type Lack = 'insecure' | 'motion' | 'motion.denied' | 'position' | 'position.denied';

/** Missing says which sensor the phone does not give. */
export class Missing extends Error {
  constructor(readonly what: Lack) {
    super(what);
  }
}

interface Asking {
  requestPermission?: () => Promise<'granted' | 'denied'>; // iOS
}

export class Sensors {
  private rows = new Float64Array(batch * rowSize);
  private n = 0;
  private epoch = 0; // Unix seconds at performance.now() 0
  private watching?: number;
  private lock?: WakeLockSentinel;
  private heard?: () => void;

  constructor(private samples: (rows: Float64Array) => void, private fix: (f: Fix) => void, private lost: (what: Lack) => void) {}

  /** lack says what stands in the way of starting, as far as that is known without asking. */
  static lack(): Lack | undefined {
    if (!isSecureContext) return 'insecure';
    if (!('DeviceMotionEvent' in window)) return 'motion';
    return 'geolocation' in navigator ? undefined : 'position';
  }

  /** start asks for the sensors, from within a tap as iOS wants it. It throws Missing where one does not come. */
  async start(): Promise<void> {
    const motion = DeviceMotionEvent as unknown as Asking;
    if (motion.requestPermission && (await motion.requestPermission()) !== 'granted') throw new Missing('motion.denied');
    this.setClock();
    const first = new Promise<void>((heard) => (this.heard = heard));
    addEventListener('devicemotion', this.move);
    this.watching = navigator.geolocation.watchPosition((p) => this.position(p),
      (e) => this.lost(e.code === e.PERMISSION_DENIED ? 'position.denied' : 'position'), {enableHighAccuracy: true, maximumAge: 0, timeout: 60_000});
    void this.stayAwake();
    document.addEventListener('visibilitychange', this.stayAwake);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([first, new Promise<void>((_, fail) => (timer = setTimeout(() => fail(new Missing('motion')), 8000)))]).finally(() => clearTimeout(timer));
  }

  stop(): void {
    removeEventListener('devicemotion', this.move);
    document.removeEventListener('visibilitychange', this.stayAwake);
    if (this.watching !== undefined) navigator.geolocation.clearWatch(this.watching);
    this.flush();
    void this.lock?.release().catch(() => {});
    this.lock = undefined;
  }

  /** stayAwake keeps the screen on, as long as the page is seen: in the background nothing is felt. */
  private stayAwake = async () => {
    if (document.visibilityState !== 'visible') return;
    try {
      this.lock = await navigator.wakeLock?.request('screen');
    } catch {
      // a phone that is low on battery refuses; then its screen goes off when it will
    }
  };

  private setClock(): void {
    this.epoch = (Date.now() - performance.now()) / 1000;
  }

  /** at is the Unix time of an event; one that has no usable time stamp is of now. */
  private at(stamp: number): number {
    const now = performance.now();
    if (Math.abs((Date.now() - now) / 1000 - this.epoch) > jumpS) {
      this.flush();
      this.setClock();
    }
    return this.epoch + (Math.abs(stamp - now) < 1000 ? stamp : now) / 1000;
  }

  private move = (e: DeviceMotionEvent) => {
    const a = e.accelerationIncludingGravity;
    if (a?.x == null || a.y == null || a.z == null) return; // a desk has no sensor, and says so
    this.heard?.();
    const r = e.rotationRate;
    const rad = (degrees: number | null | undefined) => (degrees == null ? NaN : (degrees * Math.PI) / 180);
    this.rows.set([this.at(e.timeStamp), a.x, a.y, a.z, rad(r?.alpha), rad(r?.beta), rad(r?.gamma)], this.n * rowSize);
    if (++this.n === batch) this.flush();
  };

  private flush(): void {
    if (this.n > 0) this.samples(this.rows.slice(0, this.n * rowSize));
    this.n = 0;
  }

  private position(p: GeolocationPosition): void {
    this.flush();
    const c = p.coords;
    this.fix({t: this.at(performance.now()), lat: c.latitude, lon: c.longitude, accuracy: c.accuracy, speed: c.speed ?? NaN, heading: c.heading ?? NaN});
  }
}
