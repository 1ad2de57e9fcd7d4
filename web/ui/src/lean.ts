// Where a map is drawn too slowly, as on old phones and without a graphics card, it is drawn coarser and without what costs most for as
// long as it moves, in as many steps as it takes. At rest it is whole and sharp.
import type {Map as GLMap} from 'maplibre-gl';

const slow = 20; // ms a frame, on average: less than fifty a second
const judged = 250; // ms of movement, before that is said
const coarser = [0.6, 0.4]; // pixels of the map for one of the screen, each way, by step
const rest = 160; // ms without movement
const fade = 500; // ms in which labels and marks of new tiles come while it is drawn coarser; they are also placed anew no more often

// Layers that are left out, and the property that does it without a new layout.
const costly = {'coverage-texture': 'fill-opacity', 'uncertainty-fill': 'fill-opacity', uncertainty: 'line-opacity'} as const;

// setPixelRatio would end the movement under way, so what it does is done without.
type Inner = GLMap & {_overridePixelRatio: number | null; _resizeInternal(): void; _fadeDuration: number};

export function lean(map: GLMap) {
  const inner = map as Inner;
  const faded = inner._fadeDuration;
  let needed = 0; // the step at which movement was quick enough
  let drawn = 0;
  let frames = 0;
  let began = 0;
  let timer = 0;
  const whole = new Map<string, number | undefined>(); // the layers that are left out, with their opacity

  const leaveOut = () => {
    for (const [id, property] of Object.entries(costly)) {
      if (whole.has(id) || !map.getLayer(id)) continue;
      whole.set(id, map.getPaintProperty(id, property) as number | undefined);
      map.setPaintProperty(id, property, 0);
    }
  };
  const putBack = () => {
    for (const [id, property] of Object.entries(costly)) {
      if (whole.has(id) && map.getLayer(id)) map.setPaintProperty(id, property, whole.get(id));
    }
    whole.clear();
  };
  const draw = (step: number) => {
    if (drawn === step) return;
    drawn = step;
    if (step) leaveOut();
    else putBack();
    const ratio = coarser[step - 1];
    inner._overridePixelRatio = ratio ? devicePixelRatio * ratio : null;
    inner._fadeDuration = step ? fade : faded;
    inner._resizeInternal();
    map.triggerRepaint();
  };
  map.on('movestart', () => {
    clearTimeout(timer);
    frames = 0;
  });
  map.on('move', () => draw(needed));
  map.on('render', () => {
    if (!map.isMoving()) return;
    if (frames++ === 0) began = performance.now();
    const took = performance.now() - began;
    if (took < judged) return;
    if (took / (frames - 1) > slow && needed < coarser.length) needed++;
    frames = 0;
  });
  map.on('moveend', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => !map.isMoving() && draw(0), rest);
  });
}
