// Draws the marks for the map out of the very symbols that the pages use (templates/symbols.html), in the colours of
// the moment, so that a mark is defined once.
import type {Map as GLMap} from 'maplibre-gl';

export const marks = ['suspected', 'confirmed', 'ordered', 'progress', 'repaired', 'verified', 'dismissed'] as const;
export type Mark = (typeof marks)[number];
export const sizes = [15, 19, 24] as const;

// token returns a colour of tokens.css as it is now, light or dark.
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

export function colourOf(mark: string): string {
  return token(mark === 'progress' ? 'ordered' : mark);
}

// Symbols draw a halo beyond their box of 18 units; the picture leaves room for it.
const box = 24;

function symbolSource(mark: string, pixels: number, colour: string, halo: string): string {
  const symbol = document.getElementById('s-' + mark);
  const inner = symbol?.innerHTML.replaceAll('var(--halo)', halo).replaceAll('currentColor', colour) ?? '';
  const size = (pixels * box) / 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="${-box / 2} ${-box / 2} ${box} ${box}">${inner}</svg>`;
}

function picture(source: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(source);
  return image.decode().then(() => image);
}

const ratio = 2;

function canvas(width: number, height: number): CanvasRenderingContext2D {
  const ctx = document.createElement('canvas').getContext('2d', {willReadFrequently: true})!;
  resize(ctx, width, height);
  return ctx;
}

// resize empties a canvas.
function resize(ctx: CanvasRenderingContext2D, width: number, height: number) {
  ctx.canvas.width = Math.ceil(width * ratio);
  ctx.canvas.height = Math.ceil(height * ratio);
  ctx.scale(ratio, ratio);
}

function put(map: GLMap, id: string, ctx: CanvasRenderingContext2D) {
  const data = ctx.getImageData(0, 0, ctx.canvas.width, ctx.canvas.height);
  if (map.hasImage(id)) map.removeImage(id);
  map.addImage(id, data, {pixelRatio: ratio});
}

// Pictures of each mark at 28 px, for drawing plates at once when the map asks for one.
let plateMarks: Partial<Record<Mark, HTMLImageElement>> = {};

// addMarks gives the map the picture of every mark in every size, the patterns of coverage, and the arrow.
export async function addMarks(map: GLMap) {
  const halo = token('halo');
  const next: typeof plateMarks = {};
  await Promise.all(
    marks.map(async (mark) => {
      for (const size of sizes) {
        const image = await picture(symbolSource(mark, size * ratio, colourOf(mark), halo));
        const side = (size * box) / 18;
        const ctx = canvas(side, side);
        ctx.drawImage(image, 0, 0, side, side);
        put(map, `mark-${mark}-${size}`, ctx);
      }
      next[mark] = await picture(symbolSource(mark, 16 * ratio, colourOf(mark), token('paper')));
    }),
  );
  plateMarks = next;
  addPatterns(map);
  addArrow(map);
}

function addPatterns(map: GLMap) {
  const dots = canvas(11, 11);
  dots.fillStyle = token('cov-seldom');
  for (const [x, y] of [[2.5, 2.5], [8, 8]] as const) {
    dots.beginPath();
    dots.arc(x, y, 1, 0, 2 * Math.PI);
    dots.fill();
  }
  put(map, 'pattern-seldom', dots);
  const hatch = canvas(10, 10);
  hatch.strokeStyle = token('cov-never');
  hatch.lineWidth = 1.2;
  for (const shift of [-10, 0, 10]) {
    hatch.beginPath();
    hatch.moveTo(shift - 1, 11);
    hatch.lineTo(shift + 11, -1);
    hatch.stroke();
  }
  put(map, 'pattern-never', hatch);
}

function addArrow(map: GLMap) {
  const ctx = canvas(20, 44);
  ctx.strokeStyle = token('ink');
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(10, 42);
  ctx.lineTo(10, 4);
  ctx.moveTo(4, 12);
  ctx.lineTo(10, 3);
  ctx.lineTo(16, 12);
  ctx.stroke();
  put(map, 'arrow', ctx);
}

// One canvas for all plates, of which there may be thousands: making one takes longer than drawing on it.
let sheet: CanvasRenderingContext2D | undefined;

// addPlate draws the plate that a group of places is shown as: its worst mark, how many they are, and a bar of how
// they stand. id is plate|mark|count|mark:count,…
export function addPlate(map: GLMap, id: string) {
  const [, mark, count, mix] = id.split('|');
  if (!mark || !count || !mix) return;
  const font = '650 14px "Overpass Variable", sans-serif';
  const ctx = (sheet ??= canvas(1, 1));
  ctx.font = font;
  const width = Math.ceil(34 + ctx.measureText(count).width);
  const height = 30;
  resize(ctx, width, height);
  ctx.fillStyle = token('paper');
  ctx.strokeStyle = token('ink');
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.roundRect(0.75, 0.75, width - 1.5, height - 1.5, 2);
  ctx.fill();
  const image = plateMarks[mark as Mark];
  if (image) ctx.drawImage(image, 4, 3, 21, 21);
  ctx.fillStyle = token('ink');
  ctx.font = font;
  ctx.textBaseline = 'alphabetic';
  ctx.fillText(count, 26, 18.5);
  const parts = mix.split(',').map((part) => part.split(':') as [string, string]);
  const sum = parts.reduce((n, [, c]) => n + Number(c), 0);
  let x = 1.5;
  for (const [m, c] of parts) {
    const w = ((width - 3) * Number(c)) / sum;
    ctx.fillStyle = colourOf(m);
    ctx.fillRect(x, height - 5.5, w, 4);
    x += w;
  }
  ctx.stroke();
  put(map, id, ctx);
}
