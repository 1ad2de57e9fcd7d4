// The map on paper, which is light whatever the screen is. What a graphics card has drawn is gone by the time that a page is printed, so a
// picture of it is taken before.
import type {Map as GLMap} from 'maplibre-gl';

const dark = matchMedia('(prefers-color-scheme: dark)');

export class Paper {
  private taken = false; // a light picture, for the print that follows

  // recolour draws the map anew in the colours of the moment.
  constructor(private map: GLMap, private canvas: HTMLElement, private recolour: () => Promise<void>) {
    window.addEventListener('beforeprint', () => {
      if (!this.taken) this.take(dark.matches);
      this.taken = false;
    });
    document.addEventListener('keydown', (e) => {
      if (e.key.toLowerCase() !== 'p' || !(e.ctrlKey || e.metaKey) || e.shiftKey || e.altKey || !dark.matches) return;
      e.preventDefault();
      void this.print();
    });
  }

  // print draws the map in its light colours where it is dark, and prints the page.
  async print() {
    if (dark.matches) {
      document.documentElement.dataset.theme = 'light';
      try {
        await this.recolour();
        const drawn = this.map.once('idle');
        this.map.triggerRepaint();
        await drawn;
        this.take(false);
        this.taken = true;
      } finally {
        delete document.documentElement.dataset.theme;
      }
      void this.recolour();
    }
    window.print();
  }

  // take takes the picture. A browser's own menu leaves no time to draw anew: there the dark picture is turned into a light one.
  private take(turned: boolean) {
    this.map.redraw();
    const seen = this.map.getCanvas();
    const copy = this.canvas.querySelector<HTMLCanvasElement>('.printed') ?? this.canvas.appendChild(document.createElement('canvas'));
    copy.className = turned ? 'printed turned' : 'printed';
    Object.assign(copy, {width: seen.width, height: seen.height});
    copy.getContext('2d')!.drawImage(seen, 0, 0);
  }
}
