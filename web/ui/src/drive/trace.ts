// The trace of what the phone feels, as a seismograph draws it.
import {rowSize} from './messages.ts';

const seconds = 10;
const perSecond = 40; // points
const full = 12; // m/s² from the middle to the edge
const jolts = 8; // marks that are drawn

export class Trace {
  private points = new Float32Array(seconds * perSecond);
  private marks: number[] = [];
  private n = 0;
  private calm = NaN;
  private slot = 0;
  private most = 0;
  private drawing = false;
  private calmly = matchMedia('(prefers-reduced-motion: reduce)');

  constructor(private canvas: HTMLCanvasElement) {}

  clear(): void {
    this.points.fill(0);
    this.marks = [];
    this.n = 0;
    this.calm = NaN;
    this.draw();
  }

  /** add takes samples: of each, how much the size of what was felt differs from its mean, whichever way up the phone is. */
  add(rows: Float64Array): void {
    for (let i = 0; i < rows.length; i += rowSize) {
      const size = Math.hypot(rows[i + 1]!, rows[i + 2]!, rows[i + 3]!);
      this.calm = Number.isNaN(this.calm) ? size : this.calm + (size - this.calm) * 0.01;
      const slot = Math.floor(rows[i]! * perSecond);
      const value = size - this.calm;
      if (slot !== this.slot) {
        this.points[this.n++ % this.points.length] = this.most;
        [this.slot, this.most] = [slot, value];
      } else if (Math.abs(value) > Math.abs(this.most)) {
        this.most = value;
      }
    }
    if (!this.calmly.matches) this.draw();
  }

  /** mark marks a jolt that was felt: it began about two seconds ago. Where nothing may move, this is when the trace is drawn. */
  mark(): void {
    this.marks = [...this.marks, this.n - 1.6 * perSecond].slice(-jolts);
    this.draw();
  }

  draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.paint();
    });
  }

  private paint(): void {
    const c = this.canvas;
    const [width, height] = [c.clientWidth * devicePixelRatio, c.clientHeight * devicePixelRatio];
    if (c.width !== width || c.height !== height) [c.width, c.height] = [width, height];
    const g = c.getContext('2d')!;
    g.clearRect(0, 0, width, height);
    const x = (i: number) => (width * i) / (this.points.length - 1);
    g.lineWidth = devicePixelRatio;
    g.strokeStyle = '#1A2023';
    for (let s = 1; s < seconds; s++) line(g, (width * s) / seconds, 0, (width * s) / seconds, height);
    g.strokeStyle = '#2A3135';
    line(g, 0, height / 2, width, height / 2);
    g.strokeStyle = '#FFD400';
    g.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const m of this.marks) {
      const at = x(m - this.n + this.points.length);
      if (at > 0) line(g, at, 0, at, height);
    }
    g.setLineDash([]);
    g.lineWidth = 2 * devicePixelRatio;
    g.lineJoin = 'round';
    g.beginPath();
    for (let i = 0; i < this.points.length; i++) {
      const v = this.points[(this.n + i) % this.points.length]!;
      g.lineTo(x(i), height / 2 - (Math.max(-1, Math.min(1, v / full)) * height) / 2);
    }
    g.stroke();
  }
}

function line(g: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x2, y2);
  g.stroke();
}
