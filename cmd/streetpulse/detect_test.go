package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// detectOf runs detect and returns its exit code and what it wrote.
func detectOf(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), append([]string{"detect"}, args...), output{out: &o, err: &e, in: strings.NewReader(in), log: slog.New(slog.DiscardHandler)})
	return code, o.String(), e.String()
}

// clip is a recording of 1.2 s at 50 Hz, one axis, gravity in it, without position or speed, with a jolt.
func clip() string {
	var b strings.Builder
	b.WriteString("t_s,ax_mps2,ay_mps2,az_mps2\n")
	for i := range 60 {
		at, z := float64(i)/50, 9.81
		if s := at - 0.4; s >= 0 && s < 0.25 {
			z -= 6 * math.Sin(2*math.Pi*s/0.25)
		}
		b.WriteString(strings.Join([]string{number(at), "0", "0", number(z)}, ",") + "\n")
	}
	return b.String()
}

func number(x float64) string {
	text, _ := json.Marshal(x)
	return string(text)
}

func TestDetectPrintsEvents(t *testing.T) {
	t.Parallel()
	code, out, errs := detectOf(t, clip(), "-", "--classify")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	var e struct {
		wire.Event
		Device  *string            `json:"device"`
		Classes map[string]float64 `json:"classes"`
	}
	if err := json.Unmarshal([]byte(out), &e); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	sum := 0.0
	for _, p := range e.Classes {
		sum += p
	}
	if e.Kind != wire.Bump || e.Device != nil || e.Lat != 0 || e.Lon != 0 || e.SpeedMPS != 0 || e.AccuracyM != 0 || e.HeadingDeg != nil || len(e.ID) != 26 {
		t.Errorf("%s", out)
	}
	if e.PeakG < 0.5 || e.PeakG > 0.7 || e.RateHz != 50 || len(e.WaveG) < 60 || math.Abs(e.Time.Sub(time.Unix(0, 0)).Seconds()-0.4) > 0.1 {
		t.Errorf("%s", out)
	}
	if len(e.Classes) != 6 || math.Abs(sum-1) > 0.001 {
		t.Errorf("classes %v", e.Classes)
	}
	for _, name := range []string{`"lat":0`, `"lon":0`, `"accuracy_m":0`, `"speed_mps":0`} {
		if !strings.Contains(out, name) {
			t.Errorf("no %s in %s", name, out)
		}
	}
	if _, again, _ := detectOf(t, clip(), "-", "--classify"); again != out {
		t.Errorf("the same recording gave %s and %s", out, again)
	}
}

func TestDetectPrintsReplayLines(t *testing.T) {
	t.Parallel()
	code, out, errs := detectOf(t, "", "../../firmware-sim/recording/testdata/saopaulo-6hz.csv", "--device", "bus-7")
	var l wire.Line
	if err := json.Unmarshal([]byte(out), &l); code != 0 || err != nil || l.Device != "bus-7" || math.Abs(l.Lat+23.48) > 0.1 || l.SpeedMPS < 1 {
		t.Errorf("exit %d, %v: %s%s", code, err, out, errs)
	}
}

func TestDetectSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	parameters := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(parameters, []byte(`{"version":1,"least_g":9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in, want string
		args     []string
		code     int
	}{
		{clip() + "1.2,0,0\n", "1 of 61 lines cannot be read and are left out; the first is line 62", []string{"-"}, 0},
		{clip() + strings.Repeat("1.2,0,0\n", 9), "line 62", []string{"-"}, 1},
		{"a,b\n1,2\n", "t_s", []string{"-"}, 1},
		{clip(), "least_g", []string{"-", "--parameters", parameters}, 1},
		{clip(), "OURS=THEIRS", []string{"-", "--columns", "t_s"}, 2},
		{clip(), "no-such-file", []string{"no-such-file"}, 1},
	} {
		code, out, errs := detectOf(t, c.in, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, want %d: %s; want %s", c.args, code, c.code, errs, c.want)
		}
		if strings.Contains(c.want, "line") && strings.Count(out, "\n") != 1 {
			t.Errorf("the jolt before the bad line is lost: %q", out)
		}
	}
}
