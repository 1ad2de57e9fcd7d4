package firmwaresim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// deliver says when a trip's events arrive: mostly at its end, sometimes hours or days later, twice, out of order, or never.
func (c *City) deliver(d *driver, events []Sent, end time.Time, r *rand.Rand) []Sent {
	slices.SortStableFunc(events, func(a, b Sent) int { return a.Time.Compare(b.Time) })
	if r.Float64() < 0.1 {
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	at := map[*phone]time.Time{}
	for _, p := range d.phones {
		at[p] = p.arrival(end, c.late, r)
	}
	var out []Sent
	for _, e := range events {
		if r.Float64() < c.lost {
			continue
		}
		e.Deliver = at[e.from]
		out = append(out, e)
		if r.Float64() < c.repeated {
			e.Deliver = e.Deliver.Add(time.Duration(r.IntN(3600)) * time.Second)
			out = append(out, e)
		}
	}
	return out
}

// arrival is when a phone sends what it felt on a trip that ended then: late is the share of trips of which it does hours later.
func (p *phone) arrival(end time.Time, late float64, r *rand.Rand) time.Time {
	at := end.Add(time.Duration(5+r.IntN(60)) * time.Second)
	if p.weekend {
		days := (int(time.Saturday) - int(end.Weekday()) + 7) % 7
		evening := end.Truncate(24*time.Hour).AddDate(0, 0, days).Add(time.Duration(9+10*r.Float64()) * time.Hour)
		if evening.After(at) {
			at = evening
		}
	}
	if r.Float64() < late {
		at = at.Add(time.Duration(r.ExpFloat64() * 10 * float64(time.Hour)))
	}
	return at
}

// byDelivery puts events in order of their delivery.
func byDelivery(sent []Sent) []Sent {
	order := make([]int, len(sent)) // events are large: move each but once
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sent[a].Deliver.Compare(sent[b].Deliver) })
	out := make([]Sent, len(sent))
	for i, k := range order {
		out[i] = sent[k]
	}
	return out
}
