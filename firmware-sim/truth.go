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

	hit     float64 // share of passes whose wheels meet it
	edge    int
	along   float64
	felt    bool
	visited map[int]bool
}

// there says whether the object is on the road at t.
func (o *Object) there(t time.Time) bool {
	return !t.Before(o.From) && (o.To.IsZero() || t.Before(o.To))
}

// Invention is a pothole that an attacker made up.
type Invention struct {
	Lat        float64   `json:"lat"`
	Lon        float64   `json:"lon"`
	HeadingDeg float64   `json:"heading_deg"`
	From       time.Time `json:"from"`

	edge  int
	along float64
	felt  bool
}

// Truth is what is so in a city, which no phone sends and no server sees.
type Truth struct {
	Seed       uint64            `json:"seed"`
	Objects    []*Object         `json:"objects"`
	Inventions []*Invention      `json:"inventions"`
	Devices    map[string]string `json:"devices"` // honest, companion, odd, vandal, attacker
}

// Cause is why a phone sent an event: an object's id, or invention, knock, odd, pass.
type Cause struct {
	Device string `json:"device"`
	ID     string `json:"id"`
	Cause  string `json:"cause"`
	Class  string `json:"class"` // what a perfect judge would call it
}
