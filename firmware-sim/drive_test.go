package firmwaresim_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/paulmach/orb"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/geo"
)

func driveOf(t *testing.T, o firmwaresim.DriveOptions) *firmwaresim.Drive {
	t.Helper()
	d, err := firmwaresim.NewDrive(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestADriveIsThatOfItsOptions(t *testing.T) {
	t.Parallel()
	o := firmwaresim.DriveOptions{Seed: 4, Seconds: 60, RateHz: 20, Vehicle: "van", Mount: "dashboard"}
	a, b := driveOf(t, o), driveOf(t, o)
	if len(a.Samples) != len(b.Samples) || !reflect.DeepEqual(a.Met, b.Met) || a.Samples[700].Acc != b.Samples[700].Acc {
		t.Error("the same options gave two drives")
	}
	o.Seed = 5
	if c := driveOf(t, o); reflect.DeepEqual(a.Met, c.Met) {
		t.Error("another seed gave the same drive")
	}
	for _, bad := range []firmwaresim.DriveOptions{{Vehicle: "sledge"}, {Mount: "hat"}, {Physics: firmwaresim.PhysicsPulse}} {
		if _, err := firmwaresim.NewDrive(bad); err == nil {
			t.Errorf("%+v was driven", bad)
		}
	}
}

func TestTheSameRoadInTwoCars(t *testing.T) {
	t.Parallel()
	a := driveOf(t, firmwaresim.DriveOptions{Seed: 1, Road: 9, Seconds: 120, RateHz: 10, Vehicle: "saloon"})
	b := driveOf(t, firmwaresim.DriveOptions{Seed: 2, Road: 9, Seconds: 120, RateHz: 10, Vehicle: "motorcycle"})
	for i := range min(len(a.Met), len(b.Met)) {
		x, y := a.Met[i], b.Met[i]
		if x.Class != y.Class || x.SizeM != y.SizeM || geo.Distance(orb.Point{x.Lon, x.Lat}, orb.Point{y.Lon, y.Lat}) > 1 {
			t.Errorf("object %d is %+v and %+v", i, x, y)
		}
	}
	if len(a.Met) < 3 || a.Met[0].T == b.Met[0].T {
		t.Errorf("met %d and %d objects, the first at %g and %g s", len(a.Met), len(b.Met), a.Met[0].T, b.Met[0].T)
	}
}

func TestWhatADrivesSensorsGive(t *testing.T) {
	t.Parallel()
	for _, physics := range []firmwaresim.Physics{firmwaresim.PhysicsQuarter, firmwaresim.PhysicsHalf} {
		for _, rate := range []float64{5, 100, 500} {
			d := driveOf(t, firmwaresim.DriveOptions{Seed: 3, Seconds: 90, RateHz: rate, Jitter: 0.1, Physics: physics, Calm: true})
			if n := float64(len(d.Samples)) / 90; math.Abs(n-rate) > rate/20 {
				t.Errorf("%s, %g Hz: %.1f samples a second", physics, rate, n)
			}
			var mean [3]float64
			peak := 0.0
			for i, s := range d.Samples {
				if i > 0 && s.T <= d.Samples[i-1].T {
					t.Fatalf("time stands still at %g", s.T)
				}
				up := -9.81
				for k, a := range s.Acc {
					mean[k] += a / float64(len(d.Samples))
					up += a * d.Axis[k]
				}
				peak = math.Max(peak, math.Abs(up))
			}
			if size := math.Sqrt(mean[0]*mean[0] + mean[1]*mean[1] + mean[2]*mean[2]); math.Abs(size-9.8) > 0.3 {
				t.Errorf("%s, %g Hz: weighs %.2f m/s²", physics, rate, size)
			}
			if peak < 2 || peak > 150 {
				t.Errorf("%s, %g Hz: a peak of %.1f m/s²", physics, rate, peak)
			}
		}
	}
}

// TestSatellitesSayWhereTheCarWas holds positions, of which a phone knows late, against where objects were met.
func TestSatellitesSayWhereTheCarWas(t *testing.T) {
	t.Parallel()
	d := driveOf(t, firmwaresim.DriveOptions{Seed: 6, Seconds: 200, RateHz: 10})
	for _, m := range d.Met {
		for _, s := range d.Samples {
			if s.T < m.T+0.3 {
				continue
			}
			metres := geo.Distance(orb.Point{m.Lon, m.Lat}, orb.Point{s.Lon, s.Lat})
			if metres > 1.5*m.SpeedMPS+15 || math.Abs(s.SpeedMPS-m.SpeedMPS) > 3.5 {
				t.Errorf("%s at %.1f s: the phone thinks that it is %.0f m away, at %.1f m/s instead of %.1f", m.Class, m.T, metres, s.SpeedMPS, m.SpeedMPS)
			}
			break
		}
	}
	if s := d.Samples[0]; !math.IsNaN(s.Lat) || !math.IsNaN(s.SpeedMPS) {
		t.Errorf("a position before the first: %+v", s)
	}
	if without := driveOf(t, firmwaresim.DriveOptions{Seed: 6, Seconds: 20, RateHz: 10, NoGPS: true}); !math.IsNaN(without.Samples[150].Lat) {
		t.Error("a position without satellites")
	}
}
