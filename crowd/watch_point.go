package crowd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

// watchPoint is one entry of a watch list, and what it stands for.
type watchPoint struct {
	id         string
	region     geo.Cell
	place      string // "": a control point
	stretch    bool   // a stretch of street
	at         orb.Point
	headingDeg float64
	radiusM    float64
	street     int64    // the way's id; 0: not known
	cell       geo.Cell // H3 resolution 12
	since      time.Time
	until      time.Time // zero: listed now
}

const (
	exactRadiusM = 20.0 // GPS's error at the 90th percentile or so, and half a street

	// A stretch is twice its radius long: 80 to 150 m.
	leastStretchM, mostStretchM = 40.0, 75.0
	stretchMarginM              = 15.0 // the place is no nearer than this to its ends: so far an estimate may move without another stretch

	snapM     = 30.0 // farthest that a place may lie from its street's line
	movedM    = 8.0  // an estimate that moved no farther is published as it was
	turnedDeg = 30.0
)

// watchKey is the secret that everything random in lists is drawn with.
type watchKey []byte

func (k watchKey) sum(words ...any) []byte {
	h := hmac.New(sha256.New, k)
	for _, w := range words {
		fmt.Fprintf(h, "%v\x00", w)
	}
	return h.Sum(nil)
}

// share draws a number in [0, 1): always the same for the same words.
func (k watchKey) share(words ...any) float64 {
	return float64(binary.BigEndian.Uint64(k.sum(words...))>>11) / (1 << 53)
}

// name gives a point an id of the form that places have.
func (k watchKey) name(words ...any) string {
	return base32.NewEncoding(placeAlphabet).WithPadding(base32.NoPadding).EncodeToString(k.sum(words...)[:10])
}

// stretchRadius draws the radius of a stretch, in whole metres.
func (k watchKey) stretchRadius(words ...any) float64 {
	return leastStretchM + math.Floor(k.share(append([]any{"radius"}, words...)...)*(mostStretchM-leastStretchM+1))
}

// published rounds a position to 5 decimals, about a metre.
func published(p orb.Point) orb.Point { return orb.Point{round(p[0], 5), round(p[1], 5)} }

// settle rounds the point to what is published, files it under its cells, and names it by the words and by all that is
// published of it: what changes gets another name, so that nobody sees an estimate move.
func (p *watchPoint) settle(key watchKey, words ...any) bool {
	p.at = published(p.at)
	p.headingDeg = math.Mod(math.Round(p.headingDeg), 360)
	cell, err := geo.FineCell(p.at.Lat(), p.at.Lon())
	if err != nil {
		return false
	}
	p.cell = cell
	p.id = key.name(append(words, p.stretch, p.at, p.headingDeg, p.radiusM)...)
	return true
}

// point returns how a place is published, or false where it cannot be without giving away what it is. What was published
// before stays as long as it is true, so that looking often reveals nothing more.
func (w *Watch) point(key watchKey, c candidate, before *watchPoint, streets bool, now time.Time) (watchPoint, bool) {
	p := watchPoint{region: c.region, place: c.ID, stretch: c.devices <= 1 && c.repairedAt.IsZero(), at: c.at, radiusM: exactRadiusM, since: now}
	switch spot, ok := w.network.Snap(c.at, c.headingDeg, snapM); {
	case streets && ok:
		p.at, p.headingDeg, p.street = spot.Point, spot.HeadingDeg, spot.Street
	case c.headingDeg != nil && (!streets || !c.repairedAt.IsZero()): // a repaired place is public anyway
		p.headingDeg = *c.headingDeg
	default:
		return p, false
	}
	if before != nil && before.stretch == p.stretch && geo.HeadingDiff(before.headingDeg, p.headingDeg) <= turnedDeg {
		reach := movedM
		if p.stretch {
			reach = before.radiusM
		}
		if geo.Distance(before.at, p.at) <= reach {
			return *before, true
		}
	}
	if p.stretch && !w.blur(key, &p, c, streets) {
		return p, false
	}
	return p, p.settle(key, "point", c.ID)
}

// blur makes the point the middle of a stretch of street that holds the place somewhere: how far it moves is drawn by the
// place's name, once and for all.
func (w *Watch) blur(key watchKey, p *watchPoint, c candidate, streets bool) bool {
	p.radiusM = key.stretchRadius(c.ID)
	by := (2*key.share("offset", c.ID) - 1) * (p.radiusM - stretchMarginM)
	for _, part := range []float64{1, 0.6, 0.3} { // less where the street bends
		middle := geo.Destination(p.at, p.headingDeg, by*part)
		if !streets {
			p.at = middle
			return true
		}
		spot, ok := w.network.Snap(middle, &p.headingDeg, snapM)
		if ok && geo.Distance(spot.Point, c.at) < p.radiusM && geo.HeadingDiff(spot.HeadingDeg, p.headingDeg) <= sameLanesDeg {
			p.at, p.headingDeg, p.street = spot.Point, spot.HeadingDeg, spot.Street
			return true
		}
	}
	return false
}

// watchList is a list's payload.
type watchList struct {
	V      int          `json:"v"`
	Places []watchEntry `json:"places"`
}

type watchEntry struct {
	ID         string  `json:"id"`
	Lat        float64 `json:"lat"`
	Lon        float64 `json:"lon"`
	HeadingDeg float64 `json:"heading_deg"`
	RadiusM    float64 `json:"radius_m"`
}

// payload is what is published of a list.
func payload(list []watchPoint) (string, error) {
	out := watchList{V: 1, Places: []watchEntry{}}
	for _, p := range byID(list) {
		out.Places = append(out.Places, watchEntry{p.id, p.at.Lat(), p.at.Lon(), p.headingDeg, p.radiusM})
	}
	text, err := json.Marshal(out)
	return string(text), err
}
