package detector_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(detector.Standard())
	if err != nil {
		t.Fatal(err)
	}
	if p, err := detector.Parse(text); err != nil || p != detector.Standard() {
		t.Errorf("standard parameters came back as %+v, %v", p, err)
	}
	want := detector.Standard()
	want.LeastG = 0.2
	if p, err := detector.Parse([]byte(`{"version":1,"least_g":0.2,"of_tomorrow":true}`)); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{
		``, `null`, `[]`, `{}`, `{"version":2}`, `{"version":1,"least_g":0}`, `{"version":1,"least_g":-1}`, `{"version":1,"least_g":"0.2"}`,
		`{"version":1,"gravity_s":1e9}`, `{"version":1,"slow_share":1.1}`, `{"version":1}{"version":1}`, `{"version":1`, `{"version":1,"ahead_m":1e400}`,
	} {
		if p, err := detector.Parse([]byte(bad)); !errors.Is(err, detector.ErrParameters) || p != (detector.Parameters{}) {
			t.Errorf("%s: %+v, %v", bad, p, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"least_g":0.2}`))
	f.Add([]byte(`{"version":1,"noise_power":"NaN"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := detector.Parse(text)
		if err != nil {
			return
		}
		if err := p.Check(); err != nil {
			t.Fatalf("parsed %+v, which is %v", p, err)
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := detector.Parse(again); err != nil || q != p {
			t.Fatalf("%+v came back as %+v, %v", p, q, err)
		}
	})
}
