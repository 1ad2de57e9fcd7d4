package wire_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// FuzzDecode holds Decode against encoding/json: what that calls JSON is never a syntax error here, and what it does
// not is one, but for the literals that are accepted on purpose. What is kept obeys the rules and survives a round trip.
func FuzzDecode(f *testing.F) {
	whole := string(batchOf(good, pass))
	for _, seed := range []string{
		whole, whole[:len(whole)/2], whole[:len(whole)-1], "", "{}", "null", `{"v":1,"events":[]}`, `{"events":[{}]}`, `{"events":[5,null,"x",[],true]}`,
		strings.Replace(whole, "51.0501", "NaN", 1), strings.Replace(whole, "51.0501", "-Infinity", 1), strings.Replace(whole, "51.0501", "1e999", 1),
		strings.Replace(whole, `"a"`, "\"\xff\xfe\"", 1), strings.Replace(whole, `"a"`, `"\ud83d\ude00\u0000\ud800"`, 1),
		strings.Replace(whole, "[0.01,-0.02]", "["+strings.Repeat("0,", 600)+"0]", 1), strings.Repeat("[", 5000), `{"x":` + strings.Repeat(`{"x":`, 2000),
		`{"v":1,"events":[` + strings.Repeat("{},", 199) + `{}]}`, `{"v":1,"events":[` + strings.Repeat("{},", 200) + `{}]}`,
		`{"v":1.0e0,"events":[{"lat":-0,"lon":0.00000000000000000000000001,"time":"2026-03-02T07:31:04.123456789+23:59"}]}`,
		`{"v":1,"events":[{"rate_hz":123456789012345678901234567890}]}`, `{"\u0076":1}`, `{"v":1,"v":2}`, "\ufeff{}", `{"v":1,"events":[{"time":"20260-3-02T07:31:04Z"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		reading, err := wire.Read(payload, now())
		standard := json.Valid(payload)
		if err != nil && standard && strings.HasPrefix(err.Error(), "not JSON") && !strings.Contains(err.Error(), "expected an object") &&
			!strings.Contains(err.Error(), "too deeply") {
			t.Fatalf("encoding/json can read what we call %v", err)
		}
		if err == nil && !standard && !bytes.Contains(payload, []byte("NaN")) && !bytes.Contains(payload, []byte("Infinity")) {
			t.Fatal("encoding/json cannot read what we can")
		}
		if len(reading.Good)+len(reading.Rejected)+reading.Repeated > wire.MaxBatchEvents {
			t.Fatal("too many events")
		}
		for _, r := range reading.Rejected {
			if r.Reason == "" || !utf8.ValidString(r.ID) || utf8.RuneCountInString(r.ID) > wire.MaxIDLength {
				t.Fatalf("rejection %+v", r)
			}
		}
		for _, e := range reading.Good {
			obeys(t, e)
		}
		if len(reading.Good) > 0 {
			again, rejected, err := wire.Decode(wire.Batch{V: wire.Version, Events: reading.Good}.Append(nil), now())
			if err != nil || len(rejected) > 0 || !reflect.DeepEqual(again, reading.Good) {
				t.Fatalf("round trip: %+v became %+v, %v, %v", reading.Good, again, rejected, err)
			}
		}
	})
}

func obeys(t *testing.T, e wire.Event) {
	t.Helper()
	ok := e.ID != "" && utf8.ValidString(e.ID) && utf8.RuneCountInString(e.ID) <= wire.MaxIDLength && !strings.ContainsRune(e.ID, 0) &&
		(e.Kind == wire.Bump || e.Kind == wire.Pass) && math.Abs(e.Lat) <= 90 && math.Abs(e.Lon) <= 180 && (e.Lat != 0 || e.Lon != 0) &&
		e.AccuracyM >= 0 && e.AccuracyM <= 100 && e.SpeedMPS >= 0 && e.SpeedMPS <= 70 && len(e.WaveG) <= wire.MaxWaveSamples &&
		e.Time.Location() == time.UTC && e.Time.Sub(now()) <= wire.MaxAhead && now().Sub(e.Time) <= wire.MaxAge &&
		utf8.ValidString(e.Place) && !strings.ContainsRune(e.Place, 0)
	for _, f := range []float64{e.AccuracyM, e.SpeedMPS, e.PeakG, e.DurationS, e.RateHz} {
		ok = ok && f == float64(float32(f)) && !math.IsInf(f, 0)
	}
	if h := e.HeadingDeg; h != nil {
		ok = ok && *h >= 0 && *h < 360 && *h == float64(float32(*h))
	}
	if !ok {
		t.Fatalf("kept %+v", e)
	}
}

func FuzzDecodeLine(f *testing.F) {
	f.Add([]byte(`{"device":"bus-7","received":"2026-03-02T07:31:05Z",` + good[1:]))
	f.Add([]byte(`{"device":"",` + pass[1:]))
	f.Add([]byte(good[:40]))
	f.Fuzz(func(t *testing.T, text []byte) {
		line, err := wire.DecodeLine(text)
		if err != nil {
			return
		}
		again, err := wire.DecodeLine(line.Append(nil))
		if err != nil || !reflect.DeepEqual(line, again) {
			t.Fatalf("round trip: %+v became %+v, %v", line, again, err)
		}
	})
}

// Numbers come out as strconv reads them.
func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-8]?[0-9]\.[0-9]{1,25}(e[-+]?[0-2])?`).Draw(t, "lat")
		if strings.HasPrefix(strings.TrimPrefix(text, "-"), "0") && !strings.HasPrefix(strings.TrimPrefix(text, "-"), "0.") {
			t.Skip("leading zero")
		}
		var want float64
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		events, _, err := wire.Decode(batchOf(strings.Replace(good, "51.0501", text, 1)), now())
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(want) <= 90 && (len(events) != 1 || events[0].Lat != want) {
			t.Fatalf("%s became %+v", text, events)
		}
	})
}

// What is written comes back as it is stored, whatever it was.
func TestAppendAndDecode(t *testing.T) {
	t.Parallel()
	single := func(low, high float32) *rapid.Generator[float64] {
		return rapid.Map(rapid.Float32Range(low, high), func(f float32) float64 { return math.Abs(float64(f)) })
	}
	rapid.Check(t, func(t *rapid.T) {
		e := wire.Event{
			ID:   rapid.StringN(1, 64, -1).Filter(func(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }).Draw(t, "id"),
			Kind: rapid.SampledFrom([]wire.Kind{wire.Bump, wire.Pass}).Draw(t, "kind"),
			Time: time.UnixMicro(rapid.Int64Range(946684800e6, 7258118399e6).Draw(t, "time")).UTC(),
			Lat:  rapid.Float64Range(-90, 90).Draw(t, "lat") + 0, Lon: rapid.Float64Range(1e-9, 180).Draw(t, "lon"),
			AccuracyM: single(0, 100).Draw(t, "accuracy"), SpeedMPS: single(0, 70).Draw(t, "speed"),
		}
		if rapid.Bool().Draw(t, "with heading") {
			heading := single(0, 359.99).Draw(t, "heading")
			e.HeadingDeg = &heading
		}
		if e.Kind == wire.Bump {
			e.PeakG, e.DurationS, e.RateHz = single(0, 1e30).Draw(t, "peak"), single(0, 60).Draw(t, "duration"), single(1e-30, 500).Draw(t, "rate")
			for _, milli := range rapid.SliceOfN(rapid.Int16Range(-math.MaxInt16, math.MaxInt16), 0, 64).Draw(t, "wave") {
				e.WaveG = append(e.WaveG, wire.FromMilliG(milli))
			}
		} else if rapid.Bool().Draw(t, "with place") {
			e.Place = "01JDC3"
		}
		back, rejected, err := wire.Decode(wire.Batch{V: 1, Events: []wire.Event{e}}.Append(nil), time.Time{})
		if err != nil || len(rejected) > 0 || len(back) != 1 || !reflect.DeepEqual(back[0], e) {
			t.Fatalf("%+v became %+v, %v, %v", e, back, rejected, err)
		}
		received := e.Time
		line := wire.Line{Device: "d", Received: &received, Event: e}
		lineBack, err := wire.DecodeLine(line.Append(nil))
		if err != nil || !reflect.DeepEqual(lineBack, line) {
			t.Fatalf("%+v became %+v, %v", line, lineBack, err)
		}
	})
}
