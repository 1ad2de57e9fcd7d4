package vehicles

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

// Of the drives.
const (
	driveS      = 300.0
	carsOnARoad = 4    // recordings of a road, each in another car
	mostDrives  = 64   // recordings of all
	apartDeg    = 0.06 // from one road's beginning to the next, degrees of latitude; of longitude twice that
	roadsInARow = 4
)

// recording is what the sensors of a vehicle gave on a drive.
type recording struct {
	t     []float32      // s
	acc   [][3]float32   // m/s²
	fixes []detector.Fix // by the time at which they are handed over
}

// record simulates the drives that so many vehicles share.
func record(ctx context.Context, seed uint64, count int, rateHz float64) ([]recording, error) {
	out := make([]recording, min(mostDrives, max(carsOnARoad, count)))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			road := i / carsOnARoad
			d, err := firmwaresim.NewDrive(firmwaresim.DriveOptions{Seed: seed + uint64(i), Road: seed + uint64(road) + 1, Seconds: driveS, RateHz: rateHz,
				Jitter: 0.05, Vehicle: []string{"saloon", "van", "lorry", "small_car"}[i%carsOnARoad], Mount: "dashboard", Calm: true})
			if err != nil {
				return fmt.Errorf("simulate a drive: %w", err)
			}
			out[i] = taken(d, apartDeg*float64(road/roadsInARow), 2*apartDeg*float64(road%roadsInARow))
			return nil
		})
	}
	return out, group.Wait()
}

// taken takes over what the units need of a drive, and moves it to its place.
func taken(d *firmwaresim.Drive, north, east float64) recording {
	r := recording{t: make([]float32, len(d.Samples)), acc: make([][3]float32, len(d.Samples))}
	last := math.NaN()
	for i, s := range d.Samples {
		r.t[i] = float32(s.T)
		for k, a := range s.Acc {
			r.acc[i][k] = float32(a)
		}
		if !math.IsNaN(s.Lat) && s.Lat != last {
			last = s.Lat
			r.fixes = append(r.fixes, detector.Fix{T: s.T, Lat: s.Lat + north, Lon: s.Lon + east, Speed: s.SpeedMPS, Heading: math.NaN(), AcM: s.AccuracyM})
		}
	}
	return r
}
