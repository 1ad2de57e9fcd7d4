package firmwaresim

import "time"

// Object is something on the road that can be felt.
type Object struct {
	ID         string    `json:"id"`
	Class      string    `json:"class"` // as in the contract: pothole, casting, joint, rail, speed_bump
	Lat        float64   `json:"lat"`
	Lon        float64   `json:"lon"`
	HeadingDeg float64   `json:"heading_deg"` // of the lane it lies in
	BothWays   bool      `json:"both_ways"`
	SizeM      float64   `json:"size_m"` // depth of a hole, height of a bump; castings are sunken below 0
	LengthM    float64   `json:"length_m"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to,omitzero"` // repaired; zero: still there
	Trips      int       `json:"honest_trips"`
	Devices    int       `json:"honest_devices"`

	hit    float64 // share of passes in its lane whose wheels meet it
	ragged float64 // 0: clean edges, to 1
	built  built
	grows  float64 // share of its full depth a day
	begins float64 // share of its full depth on the first day
	lane   int     // from the kerb, -1: all
	side   int     // wheel track that meets it mostly: 0 left, 1 right; -1: both
	edge   int
	along  float64
	felt   bool
	met    map[int]int // times by driver, of those who have passed
}

// there says whether the object is on the road at t.
func (o *Object) there(t time.Time) bool {
	return !t.Before(o.From) && (o.To.IsZero() || t.Before(o.To))
}

// grown is the share of its full depth that a pothole has at t.
func (o *Object) grown(t time.Time) float64 {
	if o.Class != "pothole" {
		return 1
	}
	return min(1, o.begins+o.grows*t.Sub(o.From).Hours()/24)
}

// Patch is a stretch of cobbles or of bad road, which shakes all along and not at one place.
type Patch struct {
	Lat        float64 `json:"lat"` // of its middle
	Lon        float64 `json:"lon"`
	HeadingDeg float64 `json:"heading_deg"`
	LengthM    float64 `json:"length_m"`

	id    string
	along float64 // of its beginning
	rough float64 // times cobbles
	felt  bool
}

// Invention is a place of which an adversary reports jolts that no road causes.
type Invention struct {
	Lat        float64   `json:"lat"`
	Lon        float64   `json:"lon"`
	HeadingDeg float64   `json:"heading_deg"`
	From       time.Time `json:"from"`
	Adversary  string    `json:"adversary"` // inventor, fleet or odd
	Devices    []string  `json:"devices"`   // that report it

	edge  int
	along float64
	felt  bool
}

// Truth is what is so in a city, which no phone sends and no server sees.
type Truth struct {
	Seed       uint64            `json:"seed"`
	Network    Network           `json:"network"`
	Physics    Physics           `json:"physics"`
	Objects    []*Object         `json:"objects"`
	Patches    []*Patch          `json:"patches"`
	Inventions []*Invention      `json:"inventions"`
	Devices    map[string]string `json:"devices"` // honest, companion, odd, vandal, attacker, fleet, copycat
}

// Cause is why a phone sent an event: an object's or a patch's id, "copy" and an object's id, invention, fleet, odd, knock,
// brake, door, or "pass" and what was passed.
type Cause struct {
	Device string `json:"device"`
	ID     string `json:"id"`
	Cause  string `json:"cause"`
	Class  string `json:"class"` // what a perfect judge would call it
}
