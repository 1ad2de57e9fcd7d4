package crowd

import (
	"math"
	"slices"
)

// Potholes come, and are repaired; covers, joints, rails and speed bumps were there before anybody drove. So what nobody felt for a while,
// though others drove past, or what nobody feels any more, is likelier a pothole, or made up, than anything else. It tells potholes from
// castings without what either looks like, and so teaches a city what they look like there.
const (
	holesCome, holesGo = 0.25, 0.2 // share of the potholes that come or go while a place is known: guesses
	liesCome, liesGo   = 0.7, 0.3  // and of what is made up
	fewestJolts        = 3         // at a place, to ask
	mostChange         = 6.0       // nats
	newsOfChange       = 0.1       // nats: what differs less from what is stored is not stored again
)

// change is by how much likelier a place's jolts are of something that has come, or gone, since devices drive there, than of something that
// was always there: logarithms. The zero value says nothing.
type change struct{ came, went float64 }

// lean adds what it says to the log weight of each cause.
func (c change) lean(l *[numCauses]float64) {
	mixed := func(share, x float64) float64 { return math.Log(1 - share + share*math.Exp(x)) }
	l[0] += mixed(holesCome, c.came) + mixed(holesGo, c.went)
	l[invented] += mixed(liesCome, c.came) + mixed(liesGo, c.went)
}

// calendar is the traffic around a place, by half-day.
type calendar struct {
	days   []int64
	before []float64 // visits before each day
	all    float64
}

// traffic is the calendar of all visits.
func (d *district) traffic() *calendar {
	c, visits := &calendar{}, map[int64]float64{}
	for _, days := range d.visits {
		for _, day := range days {
			visits[day]++
			c.all++
		}
	}
	for day := range visits {
		c.days = append(c.days, day)
	}
	slices.Sort(c.days)
	sum := 0.0
	for _, day := range c.days {
		c.before = append(c.before, sum)
		sum += visits[day]
	}
	return c
}

// until is the share of the traffic that was before the middle of a half-day.
func (c *calendar) until(day int64) float64 {
	i, found := slices.BinarySearch(c.days, day)
	if i == len(c.days) {
		return 1
	}
	begins, ends := c.before[i], c.all
	if i+1 < len(c.before) {
		ends = c.before[i+1]
	}
	if !found {
		ends = begins
	}
	return (begins + ends) / 2 / c.all
}

// change looks how much of the traffic was before anybody felt the place, and since. Jolts of something that is always there fall anywhere
// among it.
func (c *calendar) change(n *node) change {
	jolts, first, last := 0, 1.0, 0.0
	for i := range n.voices {
		if days := n.voices[i].felts(); len(days) > 0 {
			jolts += len(days)
			first, last = math.Min(first, c.until(days[0])), math.Max(last, c.until(days[len(days)-1]))
		}
	}
	if jolts < fewestJolts || c.all == 0 {
		return change{}
	}
	since := func(free float64) float64 { // all jolts within the rest, for any length of what is free up to this, against anywhere
		k := float64(jolts)
		return clamp(math.Log((math.Pow(1-math.Min(free, 0.98), 1-k)-1)/(k-1)), -mostChange, mostChange)
	}
	return change{since(first), since(1 - last)}
}

// felts lists the half-days on which the voice is known to have felt a jolt.
func (v *voice) felts() (days visits) {
	for _, t := range append(v.times[:], v.firstJolt) {
		if t != 0 {
			days = days.with(t / halfDay)
		}
	}
	return days
}

// changes works out every place's and returns those where it is news that something came.
func (h *haunts) changes(nodes []*node) (news []*node) {
	for _, d := range h.districts {
		d.calendar = d.traffic()
	}
	inParts(nodes, func(_, _ int, nodes []*node) {
		for _, n := range nodes {
			n.change = h.districts[quarterOf(n.at)].calendar.change(n)
		}
	})
	for _, n := range nodes {
		if math.Abs(n.change.came-n.came) > newsOfChange {
			n.came = n.change.came
			news = append(news, n)
		}
	}
	return news
}
