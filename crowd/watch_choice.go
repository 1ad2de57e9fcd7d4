package crowd

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/geo"
)

const (
	controlsPerKM   = 2.0 // control points, where there are fewer places; half of the list at most
	leastRoom       = 6   // positions in a list where no streets are imported, however little was driven
	kmPerDrivenCell = 0.5 // street in a driven resolution 9 cell (0.1 km²) where no streets are imported: a guess for towns

	// What is asked: below this belief in a pothole a place is all but settled as something else, above it as one.
	openFrom, openTo = 0.1, 0.97

	repairAsked = 60 * 24 * time.Hour // traffic is asked no longer than this whether a repair holds
	pointsKept  = 60 * 24 * time.Hour // what a point stood for is known for so long after it was listed
)

// candidate is a place that may be asked about.
type candidate struct {
	ID         string
	region     geo.Cell
	at         orb.Point
	headingDeg *float64
	pothole    float64 // belief in it
	devices    int     // independent devices that felt it
	passes     int     // smooth passes
	repairedAt time.Time
}

// ground is what one region's list is made of.
type ground struct {
	region     geo.Cell
	version    int64
	candidates []candidate
	before     map[string]*watchPoint // how places were published last, by place
	anchors    []candidate            // places of several devices with a known heading
	driven     int                    // coverage cells with events in the last weeks
	km         float64
}

// rank sorts the candidates, those first where an answer matters most, and leaves out those where none is waited for.
func (g *ground) rank(now time.Time) {
	g.candidates = slices.DeleteFunc(g.candidates, func(c candidate) bool {
		return !c.repairedAt.IsZero() && now.Sub(c.repairedAt) > repairAsked
	})
	slices.SortStableFunc(g.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.worth(), a.worth()), cmp.Compare(a.ID, b.ID))
	})
}

// worth says how much the next answer for a place would change: first what was repaired and waits to be verified, then
// suspected places where the belief in a pothole is open and few have passed, then the rest.
func (c candidate) worth() float64 {
	few := 1 / (1 + float64(c.passes)/4)
	switch {
	case !c.repairedAt.IsZero():
		return 4 + few
	case c.pothole >= openFrom && c.pothole <= openTo:
		return 1 + 4*c.pothole*(1-c.pothole)*few
	default:
		return few * math.Min(c.pothole/openFrom, 1)
	}
}
