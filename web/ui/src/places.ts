// The tiles that a map's marks come from: they change with what is shown and with what happens.
import type {Map as GLMap, VectorTileSource} from 'maplibre-gl';

export class Places {
  private early = false;

  constructor(private map: GLMap) {
    map.on('sourcedata', (e) => e.sourceId === 'places' && this.late());
  }

  // show takes other tiles.
  show(tiles: string) {
    this.early ||= this.underWay();
    this.map.getSource<VectorTileSource>('places')?.setTiles([tiles]);
  }

  // refresh asks for the same anew.
  refresh() {
    this.early ||= this.underWay();
    this.map.refreshTiles('places');
  }

  // Tiles that are on their way when others are asked for come as they were asked for, and MapLibre leaves it at that: when all have come,
  // they are asked for once more.
  private underWay() {
    return this.map.getSource('places') !== undefined && !this.map.isSourceLoaded('places');
  }

  private late() {
    if (!this.early || this.underWay()) return;
    this.early = false;
    this.map.refreshTiles('places');
  }
}
