package recording_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

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
		",0,0,9.8,51,3\n":                 "no time",
		"2,0,0,inf,51,3\n":                "not a number",
		"2,0,0,0x1p3,51,3\n":              "not a number",
		"2,0,0,\"1.234,5\",51,3\n":        "not a number",
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

// driven is a recording of 12 s at 50 Hz with a jolt at 10 s: times as a program writes them, and lines that it puts in after the 100th.
func driven(header string, at func(i int) string, rest string, between ...string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range 600 {
		z := detector.Gravity + 0.1*math.Sin(float64(i))
		if s := float64(i)/50 - 10; s >= 0 && s < 0.25 {
			z -= 7 * math.Sin(2*math.Pi*s/0.25)
		}
		fmt.Fprintf(&b, "%s,0,0,%.3f%s\n", at(i), z, rest)
		if i == 100 {
			b.WriteString(strings.Join(between, ""))
		}
	}
	return b.String()
}

const plainHeader = "t_s,ax_mps2,ay_mps2,az_mps2"

func seconds(i int) string { return fmt.Sprintf("%.2f", float64(i)/50) }

func TestAFewBadLinesAreLeftOut(t *testing.T) {
	t.Parallel()
	for between, want := range map[string]string{
		"2.005,0,0,NaN\n":            "1 of 601 lines cannot be read and are left out; the first is line 103: one acceleration is missing",
		"2.005,0,0,null\n":           "one acceleration is missing",
		"2.005,0,0,\n":               "one acceleration is missing",
		"2.005,0,0,abc\n":            `"abc" is not a number`,
		"2.005,0\n":                  "2 fields",
		"2.005,\"0,0,9.8\n\"\n":      "1 of 601",
		"2.005,,,\n":                 "neither an acceleration nor a position: 1",
		"\n\n":                       "",
		"2.005,0,0,x\n2.006,0,0,y\n": "2 of 602",
	} {
		rec := read(t, driven(plainHeader, seconds, "", between), nil)
		notes := strings.Join(rec.Notes, "; ")
		if len(rec.Rows) != 600 || jolts(rec) != 1 || want == "" && notes != "" || !strings.Contains(notes, want) {
			t.Errorf("%q: %d rows, %d jolts, notes %q", between, len(rec.Rows), jolts(rec), notes)
		}
	}
	_, err := recording.Read(strings.NewReader(driven(plainHeader, seconds, "", strings.Repeat("2,0,0,x\n", 70))), nil)
	if err == nil || !strings.Contains(err.Error(), "line 103") || !strings.Contains(err.Error(), "69 more of 670") {
		t.Errorf("many bad lines: %v", err)
	}
	if _, err := recording.Read(strings.NewReader(plainHeader+"\n"+strings.Repeat(",,,\n", 50)), nil); err == nil {
		t.Error("a file that says nothing is read")
	}
}

func jolts(rec *recording.Recording) (n int) {
	rec.Detect(detector.Standard(), func(detector.Jolt, detector.Place) { n++ })
	return n
}

func TestPositionsThatAreNoneAreNotKnown(t *testing.T) {
	t.Parallel()
	for _, none := range []string{",999999,999999,999999,,", ",-999,-999,-1,,", ",,3,,,", ",91,3,5,,"} {
		rec := read(t, driven(plainHeader+",lat,lon,speed_mps,heading_deg,accuracy_m", seconds, none), nil)
		notes := strings.Join(rec.Notes, "; ")
		if len(rec.Rows) != 600 || jolts(rec) != 1 || !math.IsNaN(rec.Rows[9].Lat) || !strings.Contains(notes, "not known: 600") {
			t.Errorf("%q: %d rows, %d jolts, notes %q", none, len(rec.Rows), jolts(rec), notes)
		}
	}
}

func TestClocksAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at      func(i int) string
		columns recording.Columns
		note    string
		begin   float64
	}{
		"ms from 0":      {at: func(i int) string { return fmt.Sprint(20 * i) }, note: "taken for ms"},
		"Unix ms":        {at: func(i int) string { return fmt.Sprint(1772436660000 + 20*i) }, note: "taken for ms", begin: 1772436660},
		"us":             {at: func(i int) string { return fmt.Sprint(20000 * i) }, note: "taken for us"},
		"Unix ns":        {at: func(i int) string { return fmt.Sprint(1772436660e9 + 20000000*int64(i)) }, note: "taken for ns", begin: 1772436660},
		"ns since start": {at: func(i int) string { return fmt.Sprint(86400e9 + 20000000*int64(i)) }, note: "taken for ns", begin: 86400},
		"ISO 8601":       {at: func(i int) string { return time.Unix(1772436660, int64(20e6*i)).UTC().Format(time.RFC3339Nano) }, begin: 1772436660},
		"with a zone": {at: func(i int) string {
			return time.Unix(1772436660, int64(20e6*i)).In(time.FixedZone("", 3600)).Format("2006-01-02 15:04:05.000-0700")
		}, begin: 1772436660},
		"without a zone": {at: func(i int) string {
			return time.Unix(1772436660, int64(20e6*i)).UTC().Format("2006-01-02 15:04:05.000")
		}, note: "taken as UTC", begin: 1772436660},
		"told": {at: func(i int) string { return fmt.Sprint(20 * i) }, columns: recording.Columns{"t_s": {Name: "t_s", Unit: "ms"}}},
	} {
		rec := read(t, driven(plainHeader, c.at, ""), c.columns)
		notes := strings.Join(rec.Notes, "; ")
		if len(rec.Rows) != 600 || jolts(rec) != 1 || c.note == "" && notes != "" || !strings.Contains(notes, c.note) || math.Abs(rec.Rows[50].T-c.begin-1) > 1e-3 {
			t.Errorf("%s: %d rows, %d jolts, at %.3f s, notes %q", name, len(rec.Rows), jolts(rec), rec.Rows[50].T, notes)
		}
	}
	rare := read(t, plainHeader+"\n0,0,0,9.8\n1,0,0,9.8\n2,0,0,9.8\n3,0,0,9.8\n4,0,0,9.8\n5,0,0,9.8\n", nil)
	if len(rare.Notes) != 1 || !strings.Contains(rare.Notes[0], "every 1 s") || rare.Rows[5].T != 5 {
		t.Errorf("%+v", rare)
	}
	told := read(t, driven(plainHeader, func(i int) string { return fmt.Sprint(20 * i) }, ""), recording.Columns{"t_s": {Name: "t_s", Unit: "s"}})
	if told.Rows[1].T != 20 || len(told.Notes) != 1 || !strings.Contains(told.Notes[0], "every 20 s") {
		t.Errorf("who says that these are seconds is not believed: %v", told.Notes)
	}
}

func TestOtherTexts(t *testing.T) {
	t.Parallel()
	plain := driven(plainHeader, seconds, "")
	var little, big []byte
	for _, c := range utf16.Encode([]rune("\uFEFF" + plain)) {
		little, big = binary.LittleEndian.AppendUint16(little, c), binary.BigEndian.AppendUint16(big, c)
	}
	for name, text := range map[string]string{
		"UTF-8 with a mark": "\xEF\xBB\xBF" + plain, "UTF-16 LE": string(little), "UTF-16 BE": string(big),
		"carriage returns": strings.ReplaceAll(plain, "\n", "\r"), "both": strings.ReplaceAll(plain, "\n", "\r\n"),
	} {
		if rec := read(t, text, nil); len(rec.Rows) != 600 || jolts(rec) != 1 || len(rec.Notes) != 0 {
			t.Errorf("%s: %d rows, %d jolts, notes %q", name, len(rec.Rows), jolts(rec), rec.Notes)
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
	f.Add("t_s,ax_mps2,ay_mps2,az_mps2,lat,lon\n2026-03-02T07:31:00.020Z,0,0,9.8,999,999\n2026-03-02 07:31:00,null,NaN,,51,\n")
	f.Add("t_s,ax_mps2,ay_mps2,az_mps2\r0,0,0,9.8\r20,0,0,9.8\r40,0,0,9.8\r60,0,0,9.8\r80,0,0,9.8\r100,0,0,3\r")
	f.Add("\xFF\xFEt\x00_\x00s\x00,\x00")
	f.Add("t_s,ax_mps2,ay_mps2,az_mps2\n1,0,0,9.8\n2,0,\"0,9.8\n3,0,0,9.8\n")
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
