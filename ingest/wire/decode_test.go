package wire_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

const good = `{"id":"a","kind":"bump","time":"2026-03-02T07:31:04.120Z","lat":51.0501,"lon":3.7202,` +
	`"accuracy_m":5.2,"speed_mps":11.3,"heading_deg":87,"peak_g":1.21,"duration_s":0.21,"rate_hz":100,"wave_g":[0.01,-0.02]}`

const pass = `{"id":"p","kind":"pass","time":"2026-03-02T07:31:09.000Z","lat":51.0510,"lon":3.7211,` +
	`"accuracy_m":4.8,"speed_mps":12.0,"heading_deg":88,"place":"01JD"}`

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func now() time.Time { return at("2026-03-02T08:00:00Z") }

func batchOf(events ...string) []byte {
	return []byte(`{"v":1,"events":[` + strings.Join(events, ",") + `]}`)
}

func TestDecodeKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	events, rejected, err := wire.Decode(batchOf(good, pass), now())
	if err != nil || len(rejected) > 0 || len(events) != 2 {
		t.Fatal(events, rejected, err)
	}
	heading := 87.0
	want := wire.Event{ID: "a", Kind: wire.Bump, Time: at("2026-03-02T07:31:04.120Z"), Lat: 51.0501, Lon: 3.7202,
		AccuracyM: float64(float32(5.2)), SpeedMPS: float64(float32(11.3)), HeadingDeg: &heading, PeakG: float64(float32(1.21)),
		DurationS: float64(float32(0.21)), RateHz: 100, WaveG: []float32{0.01, -0.02}}
	if !reflect.DeepEqual(events[0], want) {
		t.Errorf("bump: %+v", events[0])
	}
	if events[1].Place != "01JD" || events[1].Kind != wire.Pass || events[1].WaveG != nil {
		t.Errorf("pass: %+v", events[1])
	}
}

// One event with a fault between two good ones: it alone is refused, for the reason given.
func TestDecodeRefusesEachEventByItself(t *testing.T) {
	t.Parallel()
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			panic(from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, c := range map[string]struct{ event, reason string }{
		"no object":            {`5`, "event is not an object"},
		"null":                 {`null`, "event is not an object"},
		"array":                {`[]`, "event is not an object"},
		"empty":                {`{}`, "id is missing"},
		"no id":                {change(`"id":"a",`, ``), "id is missing"},
		"null id":              {change(`"id":"a"`, `"id":null`), "id is missing"},
		"number as id":         {change(`"id":"a"`, `"id":7`), "id is not a string"},
		"empty id":             {change(`"id":"a"`, `"id":""`), "id is empty"},
		"long id":              {change(`"id":"a"`, `"id":"`+strings.Repeat("é", 65)+`"`), "id is longer than 64 characters"},
		"zero in id":           {change(`"id":"a"`, `"id":"a\u0000"`), "id holds a zero character"},
		"bad UTF-8 in id":      {change(`"id":"a"`, "\"id\":\"a\xff\""), "id is not valid text"},
		"half a surrogate":     {change(`"id":"a"`, `"id":"\ud800x"`), "id is not valid text"},
		"unknown kind":         {change(`bump`, `thump`), "kind is neither bump nor pass"},
		"kind in capitals":     {change(`bump`, `Bump`), "kind is neither bump nor pass"},
		"no kind":              {change(`"kind":"bump",`, ``), "kind is missing"},
		"no time":              {change(`"time":"2026-03-02T07:31:04.120Z",`, ``), "time is missing"},
		"time as number":       {change(`"2026-03-02T07:31:04.120Z"`, `1772436664`), "time is not a string"},
		"time without zone":    {change(`04.120Z`, `04.120`), "time is not a time in RFC 3339"},
		"February 30":          {change(`2026-03-02`, `2026-02-30`), "time is not a time in RFC 3339"},
		"month 13":             {change(`2026-03-02`, `2026-13-02`), "time is not a time in RFC 3339"},
		"year 1970":            {change(`2026-03-02`, `1970-01-01`), "time is in an impossible year"},
		"ahead":                {change(`07:31:04.120Z`, `08:05:00.001Z`), "time is more than 5 minutes ahead"},
		"old":                  {change(`2026-03-02T07:31:04.120Z`, `2026-02-16T07:59:59.999Z`), "time is more than 14 days ago"},
		"no lat":               {change(`"lat":51.0501,`, ``), "lat is missing"},
		"null lat":             {change(`51.0501`, `null`), "lat is missing"},
		"lat off the globe":    {change(`51.0501`, `90.0001`), "lat is off the globe"},
		"lon off the globe":    {change(`3.7202`, `-180.5`), "lon is off the globe"},
		"nowhere":              {strings.Replace(change(`51.0501`, `0`), `3.7202`, `-0.0`, 1), "lat and lon are 0,0"},
		"lat not a number":     {change(`51.0501`, `NaN`), "lat is not a finite number"},
		"lat as text":          {change(`51.0501`, `"NaN"`), "lat is not a number"},
		"lon endless":          {change(`3.7202`, `-Infinity`), "lon is not a finite number"},
		"accuracy endless":     {change(`5.2`, `Infinity`), "accuracy_m is not a finite number"},
		"accuracy huge":        {change(`5.2`, `1e999`), "accuracy_m is not a finite number"},
		"accuracy over":        {change(`5.2`, `100.0000001`), "accuracy_m is over 100"},
		"accuracy negative":    {change(`5.2`, `-1`), "accuracy_m is negative"},
		"no accuracy":          {change(`"accuracy_m":5.2,`, ``), "accuracy_m is missing"},
		"speed over":           {change(`11.3`, `70.01`), "speed_mps is over 70"},
		"speed missing":        {change(`"speed_mps":11.3,`, ``), "speed_mps is missing"},
		"speed null":           {change(`11.3`, `null`), "speed_mps is missing"},
		"speed negative":       {change(`11.3`, `-1`), "speed_mps is negative"},
		"speed as array":       {change(`11.3`, `[11.3]`), "speed_mps is not a number"},
		"heading not a number": {change(`"heading_deg":87`, `"heading_deg":NaN`), "heading_deg is not a finite number"},
		"heading as text":      {change(`"heading_deg":87`, `"heading_deg":"N"`), "heading_deg is not a number"},
		"no peak":              {change(`"peak_g":1.21,`, ``), "peak_g is missing"},
		"peak huge":            {change(`1.21`, `1e39`), "peak_g is too large"},
		"no duration":          {change(`"duration_s":0.21,`, ``), "duration_s is missing"},
		"no rate":              {change(`"rate_hz":100,`, ``), "rate_hz is missing"},
		"rate 0":               {change(`"rate_hz":100`, `"rate_hz":0`), "rate_hz is not positive"},
		"wave as object":       {change(`[0.01,-0.02]`, `{}`), "wave_g is not an array"},
		"wave with text":       {change(`[0.01,-0.02]`, `[0.01,"x"]`), "wave_g has a sample that is not a number"},
		"wave with null":       {change(`[0.01,-0.02]`, `[0.01,null]`), "wave_g has a sample that is not a number"},
		"wave with NaN":        {change(`[0.01,-0.02]`, `[0.01,NaN]`), "wave_g has a sample that is not a finite number"},
		"513 samples": {change(`[0.01,-0.02]`, `[`+strings.Repeat("0.5,", 512)+`0.5]`),
			"wave_g has more than 512 samples"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, last := strings.Replace(good, `"a"`, `"first"`, 1), strings.Replace(good, `"a"`, `"last"`, 1)
			events, rejected, err := wire.Decode(batchOf(first, c.event, last), now())
			if err != nil {
				t.Fatal(err)
			}
			if len(events) != 2 || events[0].ID != "first" || events[1].ID != "last" {
				t.Errorf("kept %+v", events)
			}
			if len(rejected) != 1 || rejected[0].Reason != c.reason {
				t.Errorf("refused %+v", rejected)
			}
		})
	}
}

func TestDecodeAcceptsWhatTheFormatAllows(t *testing.T) {
	t.Parallel()
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, event := range map[string]string{
		"null heading":             change(`"heading_deg":87`, `"heading_deg":null`),
		"no heading":               change(`"heading_deg":87,`, ``),
		"no wave":                  change(`,"rate_hz":100,"wave_g":[0.01,-0.02]`, ``),
		"empty wave":               change(`[0.01,-0.02]`, `[]`),
		"null wave":                change(`[0.01,-0.02]`, `null`),
		"512 samples":              change(`[0.01,-0.02]`, `[`+strings.Repeat("-0.5,", 511)+`0.5]`),
		"unknown members":          change(`"id"`, `"x":{"y":[1,{"z":null}],"nan":NaN},"é":true,"id"`),
		"bad text in unknown":      change(`"id"`, "\"x\":\"\xff\",\"id\""),
		"64 characters":            change(`"a"`, `"`+strings.Repeat("é", 64)+`"`),
		"escaped name":             change(`"id"`, `"\u0069d"`),
		"limits":                   change(`5.2`, `100`),
		"exponents":                change(`11.3`, `1.13E+1`),
		"5 minutes ahead":          change(`07:31:04.120Z`, `08:05:00Z`),
		"14 days old":              change(`2026-03-02T07:31:04.120Z`, `2026-02-16T08:00:00Z`),
		"another zone":             change(`07:31:04.120Z`, `08:31:04.120+01:00`),
		"pole":                     change(`51.0501`, `-90`),
		"the equator":              change(`51.0501`, `0`),
		"received does not matter": change(`"id"`, `"received":7,"device":[],"id"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, rejected, err := wire.Decode(batchOf(event), now())
			if err != nil || len(rejected) > 0 || len(events) != 1 {
				t.Fatal(events, rejected, err)
			}
		})
	}
}

func TestDecodeRefusesWholePayloads(t *testing.T) {
	t.Parallel()
	many := func(n int) []byte {
		var events []string
		for i := range n {
			events = append(events, strings.Replace(good, `"a"`, fmt.Sprintf(`"%d"`, i), 1))
		}
		return batchOf(events...)
	}
	if events, _, err := wire.Decode(many(200), now()); err != nil || len(events) != 200 {
		t.Fatal(len(events), err)
	}
	padded := func(n int) []byte {
		b := batchOf(good)
		return append(b, strings.Repeat(" ", n-len(b))...)
	}
	if _, _, err := wire.Decode(padded(wire.MaxPayloadBytes), now()); err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string][]byte{
		"nothing": nil, "blank": []byte("  "), "text": []byte("hello"), "array": []byte("[]"), "null": []byte("null"),
		"no events": []byte(`{"v":1}`), "events null": []byte(`{"v":1,"events":null}`), "events object": []byte(`{"v":1,"events":{}}`),
		"0 events": batchOf(), "201 events": many(201), "too long": padded(wire.MaxPayloadBytes + 1),
		"version 2": []byte(`{"v":2,"events":[` + good + `]}`), "version as text": []byte(`{"v":"1","events":[` + good + `]}`),
		"truncated": batchOf(good)[:60], "trailing": append(batchOf(good), 'x'), "trailing zero": append(batchOf(good), 0),
		"two commas": batchOf(good, "", good), "comma at the end": []byte(`{"v":1,"events":[` + good + `,]}`),
		"deep": []byte(`{"x":` + strings.Repeat("[", 500000) + `}`), "single quotes": []byte(`{'v':1}`),
		"leading zero": []byte(`{"v":01,"events":[` + good + `]}`), "plus": []byte(`{"v":+1}`), "hex": []byte(`{"v":0x1}`),
		"events twice": []byte(`{"events":[` + good + `],"events":[` + good + `]}`), "line feed in text": []byte("{\"v\":1,\"x\":\"\n\"}"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if events, rejected, err := wire.Decode(payload, now()); err == nil || len(events)+len(rejected) > 0 {
				t.Fatal(events, rejected, err)
			}
		})
	}
}

func TestDecodeKeepsTheFirstOfAnId(t *testing.T) {
	t.Parallel()
	var events []string
	for i := range 40 {
		events = append(events, strings.Replace(good, `"a"`, fmt.Sprintf(`"%d"`, i%20), 1))
	}
	reading, err := wire.Read(batchOf(events...), now())
	if err != nil || len(reading.Good) != 20 || reading.Repeated != 20 || len(reading.Rejected) != 0 {
		t.Fatal(reading, err)
	}
	// A refused event does not take the id from a good one.
	reading, err = wire.Read(batchOf(strings.Replace(good, "5.2", "500", 1), good), now())
	if err != nil || len(reading.Good) != 1 || reading.Repeated != 0 || len(reading.Rejected) != 1 {
		t.Fatal(reading, err)
	}
}

func TestDecodeRounds(t *testing.T) {
	t.Parallel()
	event := strings.NewReplacer(`[0.01,-0.02]`, `[0.0104,-0.0206,40,-1e300,0.0005]`, `"heading_deg":87`, `"heading_deg":-0.00000001`,
		`.120Z`, `.1234567Z`).Replace(good)
	events, _, err := wire.Decode(batchOf(event), now())
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	if want := []float32{0.01, -0.021, 32.767, -32.767, 0.001}; !reflect.DeepEqual(events[0].WaveG, want) {
		t.Errorf("wave %v", events[0].WaveG)
	}
	if *events[0].HeadingDeg != 0 || math.Signbit(*events[0].HeadingDeg) {
		t.Errorf("heading %v", *events[0].HeadingDeg)
	}
	if events[0].Time.Nanosecond() != 123456000 {
		t.Errorf("time %v", events[0].Time)
	}
	for sent, want := range map[string]float64{"360": 0, "-90": 270, "725.5": 5.5, "1e300": math.NaN()} {
		events, _, err := wire.Decode(batchOf(strings.Replace(good, `"heading_deg":87`, `"heading_deg":`+sent, 1)), now())
		if err != nil || len(events) != 1 {
			t.Fatal(sent, events, err)
		}
		if h := *events[0].HeadingDeg; h < 0 || h >= 360 || !math.IsNaN(want) && h != want {
			t.Errorf("heading %s became %v", sent, h)
		}
	}
}

func TestRejectedIdsCanBeSentBack(t *testing.T) {
	t.Parallel()
	_, rejected, err := wire.Decode(batchOf(strings.Replace(good, `"a"`, `"`+strings.Repeat("日", 1000)+`"`, 1)), now())
	if err != nil || len(rejected) != 1 || rejected[0].ID != strings.Repeat("日", 64) || rejected[0].Member() != "id" {
		t.Fatal(rejected, err)
	}
}

func TestDecodeLine(t *testing.T) {
	t.Parallel()
	line, err := wire.DecodeLine([]byte(`{"device":"bus-7","received":"2020-03-02T07:31:05.5+00:00",` + good[1:] + "\n"))
	if err != nil || line.Device != "bus-7" || line.ID != "a" || !line.Received.Equal(at("2020-03-02T07:31:05.5Z")) {
		t.Fatal(line, err)
	}
	line, err = wire.DecodeLine([]byte(`{"device":"bus-7","received":null,` + pass[1:]))
	if err != nil || line.Received != nil || line.Kind != wire.Pass {
		t.Fatal(line, err)
	}
	var refused wire.Rejection
	if _, err := wire.DecodeLine([]byte(good)); !errors.As(err, &refused) || refused.Member() != "device" {
		t.Fatal(err)
	}
	if _, err := wire.DecodeLine([]byte(`{"device":"b","received":"yesterday",` + good[1:])); !errors.As(err, &refused) || refused.Member() != "received" {
		t.Fatal(err)
	}
	if _, err := wire.DecodeLine([]byte(`{"device":"b"`)); err == nil || errors.As(err, &refused) {
		t.Fatal(err)
	}
}

func BenchmarkDecode(b *testing.B) {
	wave := strings.Repeat("-0.123,0.45,", 15) + "0.01,1.213"
	payload := batchOf(strings.Split(strings.Repeat(strings.Replace(good, "0.01,-0.02", wave, 1)+"\n", 10), "\n")[:10]...)
	for i := range 10 {
		payload = []byte(strings.Replace(string(payload), `"id":"a"`, fmt.Sprintf(`"id":"01JDC3ABCDEFGHJKMNPQRSTV%d"`, i), 1))
	}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if events, _, err := wire.Decode(payload, now()); err != nil || len(events) != 10 {
			b.Fatal(err)
		}
	}
}
