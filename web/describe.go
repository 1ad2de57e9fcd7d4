package web

import (
	"math"
	"strconv"
	"time"

	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// titled is a place with the words that name it.
type titled struct {
	sight
	Title string // "Pothole, Ringstraße"
	Where string // "Between Dinstlstraße and Bahnhofplatz, eastbound"
	State string // "In progress"
	Since time.Time
	Next  string // "Traffic checks the repair"
}

// nameReach is how far away the street may be that a place on one without a name is called by, metres.
const nameReach = 1000

// nearStreet is how far from its street a place may lie, metres.
const nearStreet = 40

// describe names a place after the streets around it.
func (s *face) describe(p sight) titled {
	t := s.texts
	out := titled{sight: p, State: s.stateWord(p), Since: p.FirstAt, Next: s.nextWord(p)}
	class := t.T("class." + string(p.Called()))
	out.Title = class
	street, from, to := s.streetOf(p)
	if p.Coarse {
		out.Where = t.T("where.area")
		if street != "" {
			out.Title = t.T("title.near", "class", class, "street", street)
		}
		return out
	}
	if street != "" {
		out.Title = t.T("title.at", "class", class, "street", street)
	} else if near := s.nameNear(p.Point()); near != "" && near != from && near != to {
		out.Title = t.T("title.near", "class", class, "street", near)
	}
	switch {
	case from != "" && to != "" && from != to:
		out.Where = t.T("where.between", "from", from, "to", to)
	case from != "":
		out.Where = t.T("where.near", "street", from)
	case to != "":
		out.Where = t.T("where.near", "street", to)
	}
	if d := s.direction(p.HeadingDeg); d != "" && out.Where != "" {
		out.Where = t.T("where.direction", "where", out.Where, "direction", d)
	} else if d != "" {
		out.Where = capital(d)
	}
	return out
}

// streetOf returns the street of a place and the cross streets around it, each empty where it is not known.
func (s *Server) streetOf(p sight) (street, from, to string) {
	if p.Order != nil {
		street = p.Order.Street
	}
	network := s.network()
	if network == nil {
		return street, "", ""
	}
	if p.Coarse {
		return s.streetCells()[p.Cell], "", ""
	}
	m, ok := network.Nearest(p.Point(), p.HeadingDeg, nearStreet)
	if !ok {
		return street, "", ""
	}
	if street == "" {
		street = m.Street.Name
	}
	if street != m.Street.Name {
		return street, "", ""
	}
	return street, crossName(m.From, street), crossName(m.To, street)
}

// nameNear is the name of the nearest street that has one, empty where none is near.
func (s *Server) nameNear(p orb.Point) string {
	if n := s.network(); n != nil {
		return n.NearestName(p, nameReach)
	}
	return ""
}

// crossName returns the name of a cross street as people say it: the first, where it has several.
func crossName(names, street string) string {
	for _, name := range geo.Names(names) {
		if name != street {
			return name
		}
	}
	return ""
}

// direction returns the direction of travel as a word, empty where there is none.
func (s *face) direction(heading *float64) string {
	if heading == nil {
		return ""
	}
	eighth := int(math.Round(*heading/45)) & 7
	return s.texts.T("direction." + strconv.Itoa(eighth))
}

func (s *face) stateWord(p sight) string {
	switch {
	case p.Order != nil && p.Order.State == dispatch.Reopened:
		return s.texts.T("mark.reopened")
	case p.Order == nil && p.State == crowd.Faded:
		return s.texts.T("mark.faded")
	case p.Order != nil && p.Order.State == dispatch.Verified:
		return s.stateWords(*p.Order)
	}
	return s.texts.T("mark." + string(p.Mark()))
}

// stage is the state that decides what happens next: the order's where there is one.
func stage(p sight) string {
	if p.Order != nil {
		return string(p.Order.State)
	}
	return string(p.State)
}

func (s *face) nextWord(p sight) string {
	if p.Order != nil && p.Order.State == dispatch.Verified {
		days := int(p.Order.StateAt.Sub(p.Order.PromotedAt).Hours() / 24)
		if days == 0 {
			return s.texts.T("next.verified.0")
		}
		return s.texts.N("next.verified", days)
	}
	return s.texts.T(s.byHand("next."+stage(p), p))
}

// byHand is the key of what is said of an order that no traffic checks, where that is another; else the key itself.
func (s *face) byHand(key string, p sight) string {
	if p.Placeless() && s.texts.Has(key+".hand") {
		return key + ".hand"
	}
	return key
}

// summary is the sentence that a place's page opens with.
func (s *face) summary(p sight) string {
	begin := s.texts.N("sum.felt", p.Felt())
	if p.Placeless() {
		begin = s.whyOrdered(p)
	}
	return begin + " " + s.texts.T(s.byHand("sum."+stage(p), p))
}

// whyOrdered says why there is an order that has no place.
func (s *face) whyOrdered(p sight) string {
	if p.Order.SplitFrom != "" {
		return s.texts.T("workorder.split")
	}
	return s.texts.T("workorder.reported")
}

// bar is one line of the belief: what a place may be, and how likely.
type bar struct {
	Label   string
	Percent int
}

// sure returns a probability as people are told it, percent: nothing that phones felt is wholly sure.
func sure(probability float64) int {
	return min(99, int(math.Round(100*probability)))
}

// bars returns the belief as people read it: what is likely, and the rest as one.
func (s *face) bars(b crowd.Belief) []bar {
	const most = 3
	var out []bar
	rest := 100
	left := b
	for range most {
		top := left.Top()
		for i, c := range crowd.Classes() {
			if c != top {
				continue
			}
			percent := sure(left[i])
			left[i] = -1
			if percent < 1 || percent > rest {
				continue
			}
			rest -= percent
			out = append(out, bar{s.texts.T("class." + string(c)), percent})
		}
	}
	if rest > 0 && len(out) > 0 {
		out = append(out, bar{s.texts.T("class.other"), rest})
	}
	return out
}

// why is one reason in words, with the symbol it stands under.
type why struct{ Symbol, Text string }

// reasons puts the reasons for a belief into plain sentences; passes are the smooth ones that stood beside them.
func (s *face) reasons(rs []crowd.Reason, passes int, p sight) []why {
	t := s.texts
	var out []why
	for _, r := range rs {
		switch r.Kind {
		case crowd.ReasonFelt:
			if r.N == 0 {
				continue
			}
			if r.Of <= r.N {
				if passes > 0 { // of the same drivers
					out = append(out, why{"jolt", t.N("why.felt.smooth", passes, "drivers", r.N)})
				} else {
					out = append(out, why{"jolt", t.T("why.felt.all", "n", r.N)})
				}
			} else {
				out = append(out, why{"jolt", t.T("why.felt", "n", r.N, "not", r.Of-r.N)})
			}
		case crowd.ReasonDrop:
			out = append(out, why{"jolt", t.T("why.drop_first", "n", r.N, "of", r.Of)})
		case crowd.ReasonOneWay:
			d := s.direction(p.HeadingDeg)
			if r.N == r.Of && d != "" {
				out = append(out, why{"pass", t.T("why.one_way.all", "direction", d)})
			} else {
				out = append(out, why{"pass", t.T("why.one_way.some", "n", r.N, "of", r.Of)})
			}
		case crowd.ReasonSlow:
			out = append(out, why{"pass", t.T("why.slow", "n", r.N, "of", r.Of)})
		case crowd.ReasonBothWays, crowd.ReasonNoSlow, crowd.ReasonCame:
			out = append(out, why{"pass", t.T("why." + string(r.Kind))})
		case crowd.ReasonRecent, crowd.ReasonKnown, crowd.ReasonCase:
			out = append(out, why{"pass", t.N("why."+string(r.Kind), r.N)})
		case crowd.ReasonSameCar, crowd.ReasonUntrusted:
			if r.N > 0 {
				out = append(out, why{"pass", t.T("why."+string(r.Kind), "n", r.N, "of", r.Of)})
			}
		}
	}
	return out
}

// changes says in plain sentences what would change a belief.
func (s *face) changes(cs []crowd.Change) []string {
	out := make([]string, 0, len(cs))
	for _, c := range cs {
		key := "change." + string(c.Kind)
		switch {
		case c.More:
			out = append(out, s.texts.T(key+".more", "n", c.N))
		case s.texts.Has(key + ".one"):
			out = append(out, s.texts.N(key, c.N, "of", c.Of))
		default:
			out = append(out, s.texts.T(key, "n", c.N, "of", c.Of))
		}
	}
	return out
}
