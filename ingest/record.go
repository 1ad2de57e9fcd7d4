package ingest

import (
	"time"

	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Record is an event as it is stored: whose it is, when it came and where it belongs.
type Record struct {
	wire.Event
	Device   string
	Received time.Time
	Cell     geo.Cell // fine
	Region   geo.Cell // the parent of Cell
}

// NewRecord returns the record of a checked event. It fails where the position has no cell.
func NewRecord(e wire.Event, device string, received time.Time) (Record, error) {
	cell, err := geo.FineCell(e.Lat, e.Lon)
	if err != nil {
		return Record{}, err
	}
	return Record{Event: e, Device: device, Received: received, Cell: cell, Region: geo.Region(cell)}, nil
}
