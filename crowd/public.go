package crowd

import (
	"fmt"
	"time"

	"github.com/streetpulse/streetpulse/geo"
)

// Visibility is a city's choice of how much the public sees of suspected places.
type Visibility string

const (
	Hidden Visibility = "no"
	Coarse Visibility = "coarse" // their resolution 9 cell; the default
	Exact  Visibility = "yes"
)

// ParseVisibility returns the visibility that s names.
func ParseVisibility(s string) (Visibility, error) {
	switch v := Visibility(s); v {
	case Hidden, Coarse, Exact:
		return v, nil
	}
	return "", fmt.Errorf("visibility %q: use no, coarse or yes", s)
}

// PublicPlace is a place as anybody may see it.
type PublicPlace struct {
	Place
	Coarse bool // the position is the centre of its resolution 9 cell
}

// Public returns what the public may see of p, or false where it may see nothing. A place that rests on one
// device is never shown. Until something is confirmed times are cut to the day.
func (v Visibility) Public(p Place) (PublicPlace, bool) {
	if p.Devices < 2 {
		return PublicPlace{}, false
	}
	out := PublicPlace{Place: p}
	wasConfirmed := p.State == Confirmed || p.State == Dismissed || p.Ordered
	if wasConfirmed {
		return out, true
	}
	if v == Hidden {
		return PublicPlace{}, false
	}
	day := 24 * time.Hour
	out.FirstAt, out.LastAt, out.StateAt = p.FirstAt.Truncate(day), p.LastAt.Truncate(day), p.StateAt.Truncate(day)
	if v == Coarse {
		cell := geo.CoverageCell(p.Cell)
		centre, err := cell.LatLng()
		if err != nil {
			return PublicPlace{}, false
		}
		out.Lat, out.Lon, out.Cell, out.Coarse = centre.Lat, centre.Lng, cell, true
		out.HeadingDeg, out.UncertaintyM = nil, geo.CoverageEdgeM
	}
	return out, true
}
