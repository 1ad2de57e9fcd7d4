package firmwaresim_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// village is a city that is driven in no time.
func village(seed uint64) firmwaresim.CityOptions {
	return firmwaresim.CityOptions{Seed: seed, Blocks: 8, Drivers: 24, Defects: 40, Attackers: 6, Inventions: 6, Physics: firmwaresim.PhysicsQuarter}
}

func TestEveryNetworkIsDriven(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, network := range []firmwaresim.Network{firmwaresim.NetworkGrid, firmwaresim.NetworkRadial, firmwaresim.NetworkOrganic, firmwaresim.NetworkTown} {
		o := village(31)
		o.Network, o.Days = network, 2
		c := city(t, o)
		sent := c.All()
		places := map[string]bool{}
		for _, s := range sent {
			if s.Kind == wire.Bump {
				places[s.Cause.Cause] = true
			}
		}
		if len(places) < 25 {
			t.Errorf("%s: only %d things are felt in two days", network, len(places))
		}
		if c.Truth().Network != network {
			t.Errorf("%s: the truth says %q", network, c.Truth().Network)
		}
		sum := string(text(sent[:20]))
		if seen[sum] {
			t.Errorf("%s: the same world as another network", network)
		}
		seen[sum] = true
	}
	if _, err := firmwaresim.NewCity(firmwaresim.CityOptions{Network: "spider"}); err == nil {
		t.Error("a network that does not exist is driven")
	}
	if _, err := firmwaresim.NewCity(firmwaresim.CityOptions{Physics: "magic"}); err == nil {
		t.Error("physics that do not exist are used")
	}
}

// TestSeedsDiffer: what is not given is drawn, so that some seeds have each kind of network, physics and adversary.
func TestSeedsDiffer(t *testing.T) {
	t.Parallel()
	networks, physics, roles := map[firmwaresim.Network]int{}, map[firmwaresim.Physics]int{}, map[string]int{}
	for seed := range uint64(16) {
		o := village(seed + 1)
		o.Physics, o.Days = "", 1
		truth := city(t, o).Truth()
		networks[truth.Network]++
		physics[truth.Physics]++
		has := map[string]bool{}
		for _, role := range truth.Devices {
			has[role] = true
		}
		for role := range has {
			roles[role]++
		}
	}
	if len(networks) < 3 || len(physics) != 3 || len(roles) != 7 || roles["fleet"] == 16 || roles["copycat"] == 16 || roles["attacker"] != 16 {
		t.Errorf("networks %v, physics %v, roles %v", networks, physics, roles)
	}
}

func TestEachAdversaryByItself(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		who         firmwaresim.Adversaries
		role, cause string // what only they are and send
	}{
		{firmwaresim.Inventor, "attacker", "invention"},
		{firmwaresim.Vandals, "vandal", ""},
		{firmwaresim.Companions, "companion", ""},
		{firmwaresim.Odd, "odd", "odd"},
		{firmwaresim.FaultyFleet, "fleet", "fleet"},
		{firmwaresim.Copycat, "copycat", "copy "},
		{firmwaresim.Nobody, "", ""},
	} {
		o := village(12)
		o.Days, o.Adversaries = 5, test.who
		c := city(t, o)
		causes := map[string]int{}
		for _, s := range c.All() {
			if cause := s.Cause.Cause; cause == "invention" || cause == "odd" || cause == "fleet" {
				causes[cause]++
			} else if strings.HasPrefix(cause, "copy ") {
				causes["copy "]++
			}
		}
		truth := c.Truth()
		roles := map[string]int{}
		for _, role := range truth.Devices {
			roles[role]++
		}
		honest := roles["honest"]
		delete(roles, "honest")
		if test.role == "" && len(roles) > 0 || test.role != "" && (len(roles) != 1 || roles[test.role] == 0) || honest < 15 {
			t.Errorf("adversaries %b: roles %v beside %d honest devices", test.who, roles, honest)
		}
		if test.cause == "" && len(causes) > 0 || test.cause != "" && (len(causes) != 1 || causes[test.cause] == 0) {
			t.Errorf("adversaries %b: causes %v", test.who, causes)
		}
		for _, inv := range truth.Inventions {
			if len(inv.Devices) == 0 || inv.Adversary == "" || truth.Devices[inv.Devices[0]] != test.role {
				t.Errorf("adversaries %b: an invention of %q by %v, who are %s", test.who, inv.Adversary, inv.Devices, truth.Devices[inv.Devices[0]])
			}
		}
	}
}

// TestNothingOfTheTruthIsSent: an event looks the same whoever sends it and why.
func TestNothingOfTheTruthIsSent(t *testing.T) {
	t.Parallel()
	o := village(9)
	o.Days, o.Drivers = 8, 40
	o.Adversaries = firmwaresim.Inventor | firmwaresim.Vandals | firmwaresim.Odd | firmwaresim.FaultyFleet | firmwaresim.Copycat | firmwaresim.Companions
	c := city(t, o)
	sent := c.All()
	lines := text(sent)
	for _, word := range []string{"pothole", "casting", "joint", "rail", "speed_bump", "patch", "honest", "vandal", "attack", "invent", "fleet", "copy",
		"odd", "knock", "brake", "door", "cause", "class", "place", "sim"} {
		if bytes.Contains(lines, []byte(word)) {
			t.Errorf("%q is sent", word)
		}
	}
	// Names are of one form, and their order says nothing: the roles of neighbours are mixed.
	var names []string
	truth := c.Truth()
	for name := range truth.Devices {
		names = append(names, name)
		if len(name) != len(names[0]) || len(name) > wire.MaxIDLength {
			t.Errorf("names %q and %q", name, names[0])
		}
	}
	slices.Sort(names)
	longest, run := 0, 0
	for i, name := range names {
		run++
		if i > 0 && truth.Devices[name] != truth.Devices[names[i-1]] {
			run = 1
		}
		if truth.Devices[name] != "honest" {
			longest = max(longest, run)
		}
	}
	if longest > 6 {
		t.Errorf("%d devices of one adversary have neighbouring names", longest)
	}
	// What is copied or invented has the precision of what is felt.
	for _, s := range sent {
		if s.Kind != wire.Bump {
			continue
		}
		if s.Time.Nanosecond()%1_000_000 != 0 || s.AccuracyM <= 0 || s.AccuracyM > wire.MaxAccuracyM || s.PeakG <= 0 || s.RateHz <= 0 || len(s.WaveG) > wire.MaxWaveSamples {
			t.Fatalf("%s: %+v", s.Cause.Cause, s.Event)
		}
		if off := s.PeakG - peak(s.WaveG); len(s.WaveG) > 0 && math.Abs(off) > 1e-3 {
			t.Errorf("%s: a peak of %g g, its waveform's is %g", s.Cause.Cause, s.PeakG, peak(s.WaveG))
		}
	}
}

func peak(wave []float32) float64 {
	most := 0.0
	for _, g := range wave {
		most = math.Max(most, math.Abs(float64(g)))
	}
	return most
}

// TestPositionsErrAsTheyShould: between walls about two to three times as much as in the open, and never so little that nothing
// need be estimated.
func TestPositionsErrAsTheyShould(t *testing.T) {
	t.Parallel()
	typical := func(canyons float64) float64 {
		o := village(14)
		o.Days, o.GPSM, o.Canyons = 3, 3, canyons
		c := city(t, o)
		objects := map[string]*firmwaresim.Object{}
		for _, x := range c.Truth().Objects {
			objects[x.ID] = x
		}
		var off []float64
		for _, s := range c.All() {
			if x := objects[s.Cause.Cause]; x != nil && s.Kind == wire.Bump && !x.BothWays {
				off = append(off, geo.Distance(orb.Point{x.Lon, x.Lat}, orb.Point{s.Lon, s.Lat}))
			}
		}
		slices.Sort(off)
		return off[len(off)/2]
	}
	open, walled := typical(-1), typical(1)
	if open < 2 || open > 7 || walled < 1.7*open || walled > 3.5*open {
		t.Errorf("median error %.1f m in the open, %.1f m between walls", open, walled)
	}
}

func TestDeliveriesAreAsBadAsInLife(t *testing.T) {
	t.Parallel()
	o := village(15)
	o.Days = 14
	late, days, repeated, all := 0, 0, 0, 0
	seen := map[string]bool{}
	inOrder := true
	var newest time.Time
	for _, s := range city(t, o).All() {
		all++
		if seen[s.Device+s.ID] {
			repeated++
		}
		seen[s.Device+s.ID] = true
		delay := s.Deliver.Sub(s.Time)
		if delay > 3*time.Hour {
			late++
		}
		if delay > 24*time.Hour {
			days++
		}
		inOrder = inOrder && !s.Time.Before(newest)
		newest = s.Time
	}
	share := func(n int) float64 { return float64(n) / float64(all) }
	if share(late) < 0.01 || share(late) > 0.3 || days == 0 || share(repeated) < 0.002 || inOrder {
		t.Errorf("of %d events %.3f are late, %d by days, %.3f come twice", all, share(late), days, share(repeated))
	}
}

// TestDriversLearn: who knows a pothole goes round it more often, so that its first week is felt more than its third.
func TestDriversLearn(t *testing.T) {
	t.Parallel()
	o := village(16)
	o.Busy, o.Days, o.Adversaries = 2, 15, firmwaresim.Nobody
	c := city(t, o)
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	old := map[string]bool{}
	for _, x := range c.Truth().Objects {
		old[x.ID] = x.Class == "pothole" && x.From.Equal(begin) && x.To.IsZero()
	}
	var felt [3]int
	for _, s := range c.All() {
		if week := int(s.Time.Sub(begin).Hours() / 24 / 5); old[s.Cause.Cause] && s.Kind == wire.Bump && week >= 0 && week < 3 {
			felt[week]++
		}
	}
	if felt[2] >= felt[0] || felt[2] == 0 {
		t.Errorf("felt %v times in three equal parts of the time", felt)
	}
}
