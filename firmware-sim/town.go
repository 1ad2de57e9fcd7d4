package firmwaresim

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/streetpulse/streetpulse/geo"
)

//go:embed town/krems.osm.gz
var krems []byte

// TownName is the demonstration town.
const TownName = "Krems"

// TownStreets reads the demonstration town's streets: Krems an der Donau, © OpenStreetMap contributors, ODbL 1.0.
func TownStreets(ctx context.Context) (*geo.Map, error) {
	m, err := geo.ReadOSM(ctx, bytes.NewReader(krems), "krems.osm.gz")
	if err != nil {
		return nil, fmt.Errorf("read the demonstration town: %w", err)
	}
	return m, nil
}

// Town are the options of the demonstration town: a small one on linear physics, with a vandal or two and nobody who invents.
func Town(seed uint64, streets *geo.Map, begin time.Time) CityOptions {
	return CityOptions{Seed: seed, Streets: streets, Begin: begin, Drivers: 120, Busy: 3.2, Defects: 90, Physics: PhysicsQuarter,
		Adversaries: Vandals | Companions | Odd, GPSM: 3, Canyons: -1, Slow: 0.4, Silent: 0.3, Answers: 0.5, Knocks: 0.12}
}
