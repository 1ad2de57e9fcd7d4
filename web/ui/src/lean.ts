// Where a map is drawn too slowly, as on old phones and without a graphics card, it is drawn coarser and without the texture of
// coverage for as long as it moves: pixels are what costs there. At rest it is whole and sharp.
import type {Map as GLMap} from 'maplibre-gl';

const slow = 34; // ms a frame, on average: less than thirty a second
const judged = 250; // ms of movement, before that is said
const coarser = 0.6;
const rest = 160; // ms without movement

// setPixelRatio would end the movement under way, so what it does is done without.
type Resizable = GLMap & {_overridePixelRatio: number | null; _resizeInternal(): void};

export function lean(map: GLMap) {
  const inner = map as Resizable;
  let tooSlow = false;
  let light = false;
  let frames = 0;
  let began = 0;
  let timer = 0;

  const draw = (lighter: boolean) => {
    if (light === lighter) return;
    light = lighter;
    inner._overridePixelRatio = lighter ? devicePixelRatio * coarser : null;
    inner._resizeInternal();
    if (map.getLayer('coverage-texture')) map.setPaintProperty('coverage-texture', 'fill-opacity', lighter ? 0 : 1);
    map.triggerRepaint();
  };
  map.on('movestart', () => {
    clearTimeout(timer);
    frames = 0;
    if (tooSlow) draw(true);
  });
  map.on('render', () => {
    if (tooSlow || !map.isMoving()) return;
    if (frames++ === 0) began = performance.now();
    const took = performance.now() - began;
    tooSlow = took > judged && took / (frames - 1) > slow;
  });
  map.on('move', () => tooSlow && draw(true));
  map.on('moveend', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => !map.isMoving() && draw(false), rest);
  });
}
