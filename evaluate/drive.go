package evaluate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/elsewhere"
	"github.com/streetpulse/streetpulse/firmware-sim/unseen"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Simulator makes cities. Each is a world of its own: other streets, physics, phones and liars.
type Simulator string

// Simulators.
const (
	Own       Simulator = "own"       // firmware-sim, on which the belief is learnt and tuned
	Elsewhere Simulator = "elsewhere" // from which only the waveform classifier has learnt
	Unseen    Simulator = "unseen"    // from which nothing was learnt
)

// simulated is a simulator's city. It is driven day by day.
type simulated interface {
	Day(day int) []firmwaresim.Sent // what phones send on a day, in any order
	Truth() firmwaresim.Truth       // with the trips of the days that have been driven
}

// Drive is a simulated city that has been driven to its end.
type Drive struct {
	Options firmwaresim.CityOptions // of a city of another simulator the seed only
	Sent    []firmwaresim.Sent      // in order of delivery
	Truth   firmwaresim.Truth
	End     time.Time // the newest event's time

	begin time.Time
	trips map[string][]int       // honest trips over a pothole up to the end of each day
	heard map[string][]time.Time // honest trips over it that sent something about it, in order
}

// NewDrive drives a city. It returns an error where the options are no city.
func NewDrive(options firmwaresim.CityOptions) (*Drive, error) {
	city, err := firmwaresim.NewCity(options)
	if err != nil {
		return nil, err
	}
	return driven(city, options), nil
}

// NewDriveIn drives a simulator's city of a seed.
func NewDriveIn(simulator Simulator, seed uint64) (*Drive, error) {
	options := firmwaresim.CityOptions{Seed: seed}
	switch simulator {
	case Own:
		return NewDrive(options)
	case Elsewhere:
		return driven(elsewhere.New(seed), options), nil
	case Unseen:
		return driven(unseen.New(seed), options), nil
	}
	return nil, fmt.Errorf("there is no simulator %q", simulator)
}

// driven drives a city from the day on which its options begin.
func driven(city simulated, options firmwaresim.CityOptions) *Drive {
	d := &Drive{Options: options, begin: options.Begin, trips: map[string][]int{}, heard: map[string][]time.Time{}}
	if d.begin.IsZero() { // as CityOptions says
		d.begin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	}
	days := options.Days
	if days == 0 {
		days = 21
	}
	var byDay []firmwaresim.Sent
	for day := range days {
		byDay = append(byDay, city.Day(day)...)
		for _, o := range city.Truth().Objects {
			if o.Class == "pothole" {
				d.trips[o.ID] = append(d.trips[o.ID], o.Trips)
			}
		}
	}
	order := make([]int, len(byDay)) // as City.All does: some deliveries come days later
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return byDay[a].Deliver.Compare(byDay[b].Deliver) })
	for _, k := range order {
		s := byDay[k]
		d.Sent = append(d.Sent, s)
		if s.Time.After(d.End) {
			d.End = s.Time
		}
	}
	d.Truth = city.Truth()
	d.listen()
	return d
}

// listen notes when honest trips sent something about a pothole. Two phones in one car are one trip.
func (d *Drive) listen() {
	for _, s := range d.Sent {
		about := strings.TrimPrefix(s.Cause.Cause, "pass ")
		if _, pothole := d.trips[about]; pothole && honest(d.Truth.Devices[s.Device]) {
			d.heard[about] = append(d.heard[about], s.Time)
		}
	}
	const oneTrip = 3 * time.Second
	for id, times := range d.heard {
		slices.SortFunc(times, time.Time.Compare)
		d.heard[id] = slices.CompactFunc(times, func(a, b time.Time) bool { return b.Sub(a).Abs() < oneTrip })
	}
}

// honest says whether trips of devices of that kind count as honest ones: whose jolts on potholes are real.
func honest(kind string) bool { return kind != "attacker" && kind != "vandal" && kind != "copycat" }

// Lines are the events as a server sees them.
func (d *Drive) Lines() []wire.Line {
	lines := make([]wire.Line, len(d.Sent))
	for i, s := range d.Sent {
		lines[i] = s.Line
	}
	return lines
}

// Score holds what was found against the truth, and counts the trips that it took.
func (d *Drive) Score(found []Found) Score {
	s, hits := scoreOf(found, d.Truth, d.End)
	s.MedianTrips = quantile(hits, 0.5, func(h hit) float64 { return d.tripsOver(h.object, h.at) })
	s.MedianHeard = quantile(hits, 0.5, func(h hit) float64 { return float64(d.heardOf(h.object, h.at)) })
	return s
}

// tripsOver is how many honest trips have passed a pothole up to a time. The truth is known at the end of each day; within a
// day it is taken to grow evenly from 6 to 21 h.
func (d *Drive) tripsOver(o *firmwaresim.Object, at time.Time) float64 {
	const wakes, sleeps = 6.0, 21.0 // hours
	trips := d.trips[o.ID]
	since := at.Sub(d.begin)
	day := int(since.Hours() / 24)
	switch {
	case since < 0:
		return 0
	case day >= len(trips):
		return float64(trips[len(trips)-1])
	}
	before := 0
	if day > 0 {
		before = trips[day-1]
	}
	of := (since.Hours() - 24*float64(day) - wakes) / (sleeps - wakes)
	return float64(before) + max(0, min(1, of))*float64(trips[day]-before)
}

// heardOf is how many honest trips over a pothole have sent something about it up to a time.
func (d *Drive) heardOf(o *firmwaresim.Object, at time.Time) int {
	times := d.heard[o.ID]
	n, _ := slices.BinarySearchFunc(times, at, time.Time.Compare)
	for n < len(times) && times[n].Equal(at) {
		n++
	}
	return n
}
