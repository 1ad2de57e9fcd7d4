package detector_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

func TestAShareOfTheDevicesTriesAnotherRevision(t *testing.T) {
	t.Parallel()
	payload := func(share float64, least string) []byte {
		return fmt.Appendf(nil, `{"version":1,"least_g":0.2,"revision":7,"next":{"revision":8,"share":%g,"parameters":{"version":1,"least_g":%s}}}`, share, least)
	}
	const devices = 20_000
	tried := map[string]bool{}
	for _, share := range []float64{0, 0.1, 0.5, 1} {
		n := 0
		for i := range devices {
			device := fmt.Sprintf("01JD%05d", i)
			p, revision, err := detector.Choose(payload(share, "0.3"), device)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case revision == 8 && p.LeastG == 0.3:
				n++
				tried[device] = true
			case revision != 7 || p.LeastG != 0.2 || tried[device]:
				t.Fatalf("%s has revision %d, %g, at a share of %g", device, revision, p.LeastG, share)
			}
		}
		if math.Abs(float64(n)/devices-share) > 0.01 {
			t.Errorf("a share of %g is %d of %d devices", share, n, devices)
		}
	}
	both := 0
	for i := range devices {
		if d := fmt.Sprint(i); detector.InShare(d, 8, 0.5) && detector.InShare(d, 9, 0.5) {
			both++
		}
	}
	if math.Abs(float64(both)/devices-0.25) > 0.02 {
		t.Errorf("%d of %d devices try both of two revisions at half", both, devices)
	}
}

func TestWhatCannotBeUsedIsNotTried(t *testing.T) {
	t.Parallel()
	p, revision, err := detector.Choose([]byte(`{"version":1,"least_g":0.2,"revision":7,"next":{"revision":8,"share":1,"parameters":{"version":1,"least_g":9}}}`), "x")
	if err != nil || revision != 7 || p.LeastG != 0.2 {
		t.Errorf("revision %d, %g, %v", revision, p.LeastG, err)
	}
	if _, _, err := detector.Choose([]byte(`{"version":1,"least_g":9}`), "x"); !errors.Is(err, detector.ErrParameters) {
		t.Errorf("parameters out of range: %v", err)
	}
	if p, revision, err := detector.Choose([]byte(`{"version":1}`), "x"); err != nil || revision != 0 || p != detector.Standard() {
		t.Errorf("without a rollout: %+v, %d, %v", p, revision, err)
	}
}
