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

// Severe is the severity from which castings, joints and rails are defects: below it they are what roads are made of.
const Severe = 0.5

// DefectSQL is Place.Defect of the table places under the name p.
const DefectSQL = `(p.class = 'pothole' or p.class in ('casting', 'joint', 'rail') and p.severity >= 0.5)`

// ConfirmedSQL is Place.WasConfirmed of the table places under the name p.
const ConfirmedSQL = `(p.ordered or p.devices >= 2 and p.state = 'confirmed')`

// ShownSQL says of places p that were never confirmed which of them a city that shows suspected places shows. A dismissal stays to be seen there,
// whatever the place is believed to be since.
const ShownSQL = `(p.devices >= 2 and (p.state = 'dismissed' or ` + DefectSQL + `))`

// WasConfirmed says whether the place is, or ever was, believed enough to be work: from then on it is public where it is. A dismissal
// confirms nothing.
func (p Place) WasConfirmed() bool { return p.Ordered || p.Devices >= 2 && p.State == Confirmed }

// Defect says whether the place, as believed now, is something that somebody should mend. Speed bumps and nothing are not.
func (p Place) Defect() bool {
	switch p.Class {
	case Pothole:
		return true
	case Casting, Joint, Rail:
		return p.Severity >= Severe
	default:
		return false
	}
}

const day = 24 * time.Hour

// Decided returns when something was decided, as anybody may know it. What the crowd decides it decides when somebody's events arrive,
// and phones send while they drive: it is told to the hour.
func Decided(at time.Time) time.Time { return at.Truncate(time.Hour) }

// Dated returns p with times that do not tell when anybody passed: jolts are dated by day (UTC).
func Dated(p Place) Place {
	p.FirstAt, p.LastAt, p.StateAt = p.FirstAt.Truncate(day), p.LastAt.Truncate(day), Decided(p.StateAt)
	return p
}

// Public returns what the public may see of p, or false where it may see nothing. A place that rests on one device is never
// shown, nor, before somebody has decided on it, what is no defect.
func (v Visibility) Public(p Place) (PublicPlace, bool) {
	out := PublicPlace{Place: Dated(p)}
	if p.WasConfirmed() {
		return out, true
	}
	if v == Hidden || p.Devices < 2 || p.State != Dismissed && !p.Defect() {
		return PublicPlace{}, false
	}
	out.StateAt = p.StateAt.Truncate(day)
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
