package recording_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/recording"
)

func read(t *testing.T, text string, columns recording.Columns) *recording.Recording {
	t.Helper()
	rec, err := recording.Read(strings.NewReader(text), columns)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < 1e-9 }

func TestOurOwnColumns(t *testing.T) {
	t.Parallel()
	const header = "t_s,ax_mps2,ay_mps2,az_mps2,gx_rads,gy_rads,gz_rads,lat,lon,speed_mps,heading_deg,accuracy_m"
	rec := read(t, "\xEF\xBB\xBF"+header+"\r\n1.5,0.1,-0.2,9.8,0.3,0,0.4,51.5,3.25,11.5,87,4\r\n1.6,0,0,9.7,,,,,,,,\r\n1.7,0,0,9.7,,,,0,0,0,0,0\r\n", nil)
	if len(rec.Rows) != 3 || len(rec.Notes) != 0 {
		t.Fatalf("%+v", rec)
	}
	a := rec.Rows[0]
	if a.T != 1.5 || a.Acc != [3]float64{0.1, -0.2, 9.8} || !same(a.Turn, 0.5) || a.Lat != 51.5 || a.Lon != 3.25 || a.Speed != 11.5 || a.Heading != 87 || a.AccuracyM != 4 {
		t.Errorf("%+v", a)
	}
	for _, r := range rec.Rows[1:] { // nothing between fixes, and what phones have before the first
		if !math.IsNaN(r.Lat) || !math.IsNaN(r.Lon) || !math.IsNaN(r.Speed) || !math.IsNaN(r.Heading) || !math.IsNaN(r.AccuracyM) || !math.IsNaN(r.Turn) {
			t.Errorf("%+v", r)
		}
	}
}

func TestWhatNumbersLookLike(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"t_s,ax_mps2,ay_mps2,az_mps2\n1.5,0.25,0,-9.5\n",
		"az_mps2,t_s,ay_mps2,ax_mps2\n-9.5,1.5,0,0.25\n",
		"t_s;ax_mps2;ay_mps2;az_mps2\n1,5;0,25;0;-9,5\n",
		"t_s\tax_mps2\tay_mps2\taz_mps2\n1,5\t0.25\t0\t-9,5\n",
		"t_s,ax_mps2,ay_mps2,az_mps2,\n\"1,5\",\"0,25\",0,\"-9,5\",\n",
		"t_s,ax_mps2,ay_mps2,az_mps2,\n1.5,2.5e-1,0,-9.5\n",
		" t_s , ax_mps2,ay_mps2, az_mps2\n 1.5, 0.25 ,0,-9.5\n",
		"t_s,ax_mps2,ay_mps2,az_mps2\n\n1.5,0.25,0,-9.5",
	} {
		rec := read(t, text, nil)
		if len(rec.Rows) != 1 || rec.Rows[0].T != 1.5 || rec.Rows[0].Acc != [3]float64{0.25, 0, -9.5} {
			t.Errorf("%q: %+v", text, rec.Rows)
		}
	}
}

func TestOtherNamesAndUnits(t *testing.T) {
	t.Parallel()
	columns, err := recording.ParseColumns("t_s=timestamp:ms, ax_mps2=X:g,ay_mps2=Y:g,az_mps2=Z:g,gx_rads=p:deg/s,gy_rads=q:deg/s,gz_rads=r:deg/s,lat=latitude,lon=longitude,speed_mps=v:km/h")
	if err != nil {
		t.Fatal(err)
	}
	rec := read(t, "timestamp,X,Y,Z,p,q,r,latitude,longitude,v,mood\n1659095876188,0.5,0,-1,180,0,0,6.6,-1.5,36,good\n", columns)
	r := rec.Rows[0]
	if !same(r.T, 1659095876.188) || !same(r.Acc[0], 0.5*detector.Gravity) || !same(r.Acc[2], -detector.Gravity) || !same(r.Turn, math.Pi) || !same(r.Speed, 10) {
		t.Errorf("%+v", r)
	}
	if len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0], "mood") {
		t.Errorf("notes %q", rec.Notes)
	}
	for _, bad := range []string{"t_s", "time=t_s", "t_s=a,t_s=b", "=x"} {
		if _, err := recording.ParseColumns(bad); !errors.Is(err, recording.ErrColumns) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "empty",
		"t_s,ax_mps2,ay_mps2\n":             "az_mps2",
		"T_S,AX,AY,AZ\n":                    "t_s",
		"t_s,ax_mps2,ay_mps2,az_mps2,t_s\n": "twice",
		"t_s,ax_mps2,ay_mps2,az_mps2,lat\n": "lon",
		"1.5,0,0,9.8\n":                     "t_s",
	} {
		if _, err := recording.Read(strings.NewReader(text), nil); !errors.Is(err, recording.ErrColumns) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one that names %s", text, err, want)
		}
	}
}

func TestABadLineIsNamed(t *testing.T) {
	t.Parallel()
	const good = "1,0,0,9.8,51,3\n"
	for bad, want := range map[string]string{
		"2,0,x,9.8,51,3\n":                `ay_mps2: "x" is not a number`,
		"2,0,0,9.8\n":                     "4 fields",
		"2,0,0,9,8,51,3\n":                "7 fields",
		"2,0,0,,51,3\n":                   "missing",
		"2,,,,,\n":                        "neither",
		",0,0,9.8,51,3\n":                 "no time",
		"2,0,0,inf,51,3\n":                "not a number",
		"2,0,0,0x1p3,51,3\n":              "not a number",
		"2,0,0,\"1.234,5\",51,3\n":        "not a number",
		"2,0,0,9.8,51,\n":                 "half a position",
		"2,0,0,9.8,151,3\n":               "off the globe",
		"1659095876188,0,0,9.8,51,3\n":    "milliseconds",
		"2,0,0,98000,51,3\n":              "no acceleration",
		"2,0,0,\"9.8,51,3\n4,0,0,1,2,3\n": "quote",
	} {
		rec, err := recording.Read(strings.NewReader("t_s,ax_mps2,ay_mps2,az_mps2,lat,lon\n"+good+bad), nil)
		var line *recording.LineError
		if !errors.As(err, &line) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one that says %s", bad, err, want)
			continue
		}
		if line.Line < 3 || len(rec.Rows) != 1 {
			t.Errorf("%q: line %d, %d rows before it", bad, line.Line, len(rec.Rows))
		}
	}
}

func TestMidnightPasses(t *testing.T) {
	t.Parallel()
	rec := read(t, "time,gFx,gFy,gFz,Latitude,Longitude,Speed (m/s),\n23:59:59:900,0,0,1,0,0,0,\n00:00:00:100,0,0,1,0,0,0,\n", nil)
	if step := rec.Rows[1].T - rec.Rows[0].T; !same(step, 0.2) {
		t.Errorf("%g s", step)
	}
}

func TestBurstsAreSpread(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("t_s,ax_mps2,ay_mps2,az_mps2\n")
	for i := range 200 { // 50 Hz, ten at a time
		fmt.Fprintf(&b, "%.3f,0,0,9.8\n", 0.2*float64(i/10)+0.001*float64(i%10)/5)
	}
	rec := read(t, b.String(), nil)
	for i := 11; i < len(rec.Rows); i++ {
		if step := rec.Rows[i].T - rec.Rows[i-1].T; math.Abs(step-0.02) > 0.001 {
			t.Fatalf("row %d comes %.4f s after the one before", i, step)
		}
	}
	if len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0], "bursts") {
		t.Errorf("notes %q", rec.Notes)
	}
}

func TestAJitteryRecordingIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("t_s,ax_mps2,ay_mps2,az_mps2\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%.3f,0,0,9.8\n", 0.16*float64(i)+0.05*math.Sin(float64(i)))
	}
	if rec := read(t, b.String(), nil); len(rec.Notes) != 0 || !same(rec.Rows[3].T, 0.48+math.Round(50*math.Sin(3))/1000) {
		t.Errorf("notes %q, fourth time %g", rec.Notes, rec.Rows[3].T)
	}
}

func TestGUnderTheNameOfMetresIsNoted(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("t_s,ax_mps2,ay_mps2,az_mps2\n")
	for i := range 50 {
		fmt.Fprintf(&b, "%.2f,0,0,%.3f\n", float64(i)/10, 1+0.05*math.Sin(float64(i)))
	}
	if rec := read(t, b.String(), nil); len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0], "g") {
		t.Errorf("notes %q", rec.Notes)
	}
}

// TestRealRecordings runs the detector over excerpts of real ones.
func TestRealRecordings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file   string
		rows   int
		rateHz float64
		placed bool
	}{
		{"testdata/saopaulo-6hz.csv", 140, 6.3, true},
		{"testdata/saopaulo-bursts.csv", 301, 64, true},
	} {
		file, err := os.Open(c.file)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := recording.Read(file, nil)
		_ = file.Close()
		if err != nil {
			t.Fatalf("%s: %v", c.file, err)
		}
		if len(rec.Rows) != c.rows {
			t.Errorf("%s: %d rows, want %d", c.file, len(rec.Rows), c.rows)
		}
		found := 0
		rec.Detect(detector.Standard(), func(j detector.Jolt, p detector.Place) {
			found++
			if math.Abs(j.RateHz-c.rateHz) > 4 || j.PeakG < 0.15 || j.PeakG > 1 {
				t.Errorf("%s: %.2f g at %.1f Hz", c.file, j.PeakG, j.RateHz)
			}
			if math.Abs(p.Lat+23.5) > 0.1 || math.Abs(p.Lon+46.65) > 0.1 || !(p.Speed > 1 && p.Speed < 20) {
				t.Errorf("%s: at %+v", c.file, p)
			}
		})
		if found != 1 {
			t.Errorf("%s: %d jolts, want one", c.file, found)
		}
	}
}

// TestAPlaceBetweenRepeatedPositions is what most recordings look like: positions once a second, repeated from line to line.
func TestAPlaceBetweenRepeatedPositions(t *testing.T) {
	t.Parallel()
	p := detector.Standard()
	p.FixLatencyS, p.AheadM = 0, 0
	for _, empty := range []bool{false, true} {
		var b strings.Builder
		b.WriteString("t_s,ax_mps2,ay_mps2,az_mps2,lat,lon,speed_mps\n")
		for i := range 1000 {
			at := float64(i) / 50
			z := detector.Gravity
			if s := at - 11.4; s >= 0 && s < 0.25 {
				z -= 7 * math.Sin(2*math.Pi*s/0.25)
			}
			if empty && i%50 != 0 {
				fmt.Fprintf(&b, "%.2f,0,0,%.3f,,,\n", at, z)
				continue
			}
			fmt.Fprintf(&b, "%.2f,0,0,%.3f,%.7f,4,10\n", at, z, 50+10*math.Floor(at)/111194.93)
		}
		found := 0
		read(t, b.String(), nil).Detect(p, func(j detector.Jolt, place detector.Place) {
			found++
			if metres := (place.Lat-50)*111194.93 - 10*j.At; math.Abs(metres) > 0.5 || math.Abs(place.Heading) > 1 || math.Abs(place.Speed-10) > 0.1 {
				t.Errorf("empty %v: %.1f m off: %+v", empty, metres, place)
			}
		})
		if found != 1 {
			t.Errorf("empty %v: %d jolts", empty, found)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("t_s,ax_mps2,ay_mps2,az_mps2,lat,lon,speed_mps\n1,0,0,9.8,51,3,4\n1.1,0,0,3,51,3,\n")
	f.Add("time,gFx,gFy,gFz,Latitude,Longitude,Speed (m/s),\n23:21:29:228,\"-0,1\",\"0,3\",\"0,9\",\"0,0\",\"0,0\",\"0,0\",\n")
	f.Add("t_s;ax_mps2;ay_mps2;az_mps2\n1,5;0,25;0;-9,5\n")
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := recording.Read(strings.NewReader(text), nil)
		var line *recording.LineError
		if err != nil && !errors.Is(err, recording.ErrColumns) && !errors.As(err, &line) && rec != nil {
			t.Fatalf("an error of no kind: %v", err)
		}
		if rec == nil {
			return
		}
		for i, r := range rec.Rows {
			if math.IsNaN(r.T) || math.Abs(r.T) > 2e11 || math.IsInf(r.Acc[0]+r.Acc[1]+r.Acc[2], 0) || math.Abs(r.Lat) > 90 || math.Abs(r.Lon) > 180 {
				t.Fatalf("row %d: %+v", i, r)
			}
		}
		rec.Detect(detector.Standard(), func(j detector.Jolt, p detector.Place) {
			if math.IsNaN(j.At) || math.IsNaN(j.PeakG) || math.Abs(p.Lat) > 91 {
				t.Fatalf("%+v at %+v", j, p)
			}
		})
	})
}
