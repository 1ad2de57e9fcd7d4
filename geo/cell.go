package geo

import (
	"fmt"

	"github.com/uber/h3-go/v4"
)

// Cell is a cell of the H3 grid.
type Cell = h3.Cell

// Resolutions of the H3 grid: a region has about 5 km², a coverage cell 0.1 km², a fine cell 300 m².
const (
	FineRes     = 12 // indexes places and finds neighbours
	CoverageRes = 9  // what the public sees of coarse positions and of how often streets are driven
	RegionRes   = 7  // what one worker judges at a time
)

// CoverageEdgeM is the mean edge of a coverage cell, metres (H3's table of cell statistics).
const CoverageEdgeM = 200.8

// FineCell returns the fine cell of a position, or an error where it is not finite.
func FineCell(lat, lon float64) (Cell, error) {
	cell, err := h3.LatLngToCell(h3.NewLatLng(lat, lon), FineRes)
	if err != nil {
		return 0, fmt.Errorf("cell of %g,%g: %w", lat, lon, err)
	}
	return cell, nil
}

// Region returns the region of a fine cell: its parent. H3's children do not nest exactly, so a position's
// region is always asked of its fine cell. An invalid cell's is 0.
func Region(fine Cell) Cell { return parent(fine, RegionRes) }

// CoverageCell returns the coverage cell of a fine cell: its parent. An invalid cell's is 0.
func CoverageCell(fine Cell) Cell { return parent(fine, CoverageRes) }

func parent(cell Cell, resolution int) Cell {
	above, err := cell.Parent(resolution)
	if err != nil {
		return 0
	}
	return above
}

// FineRange returns the least and the greatest fine cell within a coarser one: fine cells of one parent have numbers that follow each other.
func FineRange(c Cell) (low, high Cell) {
	const (
		resolutionAt = 52 // bit of an H3 index
		digitBits    = 3  // of each finer resolution, the finest in the last bits; 0 to 6 for the seven children, 7 where there is none
		finest       = 15
	)
	low = c&^(0xf<<resolutionAt) | FineRes<<resolutionAt
	high = low
	for r := c.Resolution() + 1; r <= FineRes; r++ {
		at := digitBits * (finest - r)
		low &^= 7 << at
		high &^= 1 << at
	}
	return low, high
}

// Disk returns c and every cell within k steps of it; none where c is invalid.
func Disk(c Cell, k int) []Cell {
	cells, err := c.GridDisk(k)
	if err != nil {
		return nil
	}
	return cells
}
