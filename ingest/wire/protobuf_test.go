package wire_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/ingest/wire/pb"
)

var update = flag.Bool("update", false, "write the golden files again")

// goldenBatch is in testdata in each form: what other people's decoders and encoders may be tried on.
func goldenBatch() wire.Batch {
	heading := 87.25
	return wire.Batch{V: wire.Version, Events: []wire.Event{
		{ID: "01JDC3ZK5V8Q0S7M2N4P6R8T0V", Kind: wire.Bump, Time: at("2026-03-02T07:31:04.120Z"), Lat: 51.0501, Lon: 3.7202, AccuracyM: float64(float32(5.2)),
			SpeedMPS: float64(float32(11.3)), HeadingDeg: &heading, PeakG: float64(float32(1.21)), DurationS: float64(float32(0.21)), RateHz: 100,
			WaveG: []float32{0.01, -0.02, 1.21, 0}},
		{ID: "straße-2", Kind: wire.Bump, Time: at("2026-03-02T07:31:05Z"), Lat: -33.5, Lon: -70.25, SpeedMPS: 0, PeakG: 0.5, DurationS: 0},
		{ID: "01JDC4", Kind: wire.Pass, Time: at("2026-03-02T07:31:09.000001Z"), Lat: 51.051, Lon: 3.7211, AccuracyM: float64(float32(4.8)), SpeedMPS: 12,
			HeadingDeg: new(float64), Place: "01JD"},
	}}
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	protobuf, err := pb.Encode(goldenBatch())
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []struct {
		file    string
		written []byte
		read    func([]byte, time.Time) (wire.Reading, error)
	}{
		{"testdata/batch.json", goldenBatch().Append(nil), wire.Read},
		{"testdata/batch.pb", protobuf, wire.ReadProtobuf},
	} {
		if *update {
			if err := os.WriteFile(form.file, form.written, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(form.file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(golden, form.written) {
			t.Errorf("%s is not what is written now: %q", form.file, form.written)
		}
		reading, err := form.read(golden, now())
		if err != nil || len(reading.Rejected) > 0 || !reflect.DeepEqual(reading.Good, goldenBatch().Events) {
			t.Errorf("%s is read as %+v, %v", form.file, reading, err)
		}
	}
}

// asJSON writes a batch as JSON. What is not set is left out.
func asJSON(b *pb.Batch) []byte {
	number := func(dst []byte, name string, value *float64) []byte {
		if value == nil {
			return dst
		}
		dst = append(dst, `,"`+name+`":`...)
		return appendNumber(dst, *value)
	}
	single := func(dst []byte, name string, value *float32) []byte {
		if value == nil {
			return dst
		}
		wide := float64(*value)
		return number(dst, name, &wide)
	}
	out := []byte(`{"events":[`)
	for i, e := range b.Events {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"v":1`...)
		if e.Id != "" {
			out = append(out, `,"id":`+quoted(e.Id)...)
		}
		if e.Kind != 0 {
			out = append(out, `,"kind":`+quoted(map[pb.Kind]string{1: "bump", 2: "pass"}[e.Kind]+map[bool]string{true: "?"}[e.Kind < 0 || e.Kind > 2])...)
		}
		if e.TimeUs != 0 {
			out = append(out, `,"time":`+quoted(time.UnixMicro(e.TimeUs).UTC().Format("2006-01-02T15:04:05.999999Z"))...)
		}
		out = number(number(out, "lat", e.Lat), "lon", e.Lon)
		out = single(single(single(out, "accuracy_m", e.AccuracyM), "speed_mps", e.SpeedMps), "heading_deg", e.HeadingDeg)
		out = single(single(single(out, "peak_g", e.PeakG), "duration_s", e.DurationS), "rate_hz", e.RateHz)
		out = append(out, `,"wave_g":[`...)
		for j, sample := range e.WaveG {
			if j > 0 {
				out = append(out, ',')
			}
			out = appendNumber(out, float64(sample))
		}
		out = append(out, `],"place":`+quoted(e.Place)+`}`...)
	}
	out = append(out, `]`...)
	if b.V != 0 {
		out = append(out, `,"v":`+strconv.FormatUint(uint64(b.V), 10)...)
	}
	return append(out, '}')
}

func appendNumber(dst []byte, value float64) []byte {
	switch {
	case math.IsNaN(value):
		return append(dst, "NaN"...)
	case math.IsInf(value, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(value, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, value, 'g', -1, 64)
}

func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' {
			b.WriteString(`\u00` + strconv.FormatInt(int64(r)+0x100, 16)[1:])
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// same holds the reading of a batch as Protobuf against that of the same batch as JSON. A year of more than four digits
// cannot be said in RFC 3339 and is refused in other words.
func same(t interface{ Fatalf(string, ...any) }, payload []byte, b *pb.Batch) {
	reading, err := wire.ReadProtobuf(payload, now())
	other, otherErr := wire.Read(asJSON(b), now())
	if len(asJSON(b)) > wire.MaxPayloadBytes && errors.Is(otherErr, wire.ErrTooLong) {
		return
	}
	for i := range other.Rejected {
		if other.Rejected[i].Reason == "time is not a time in RFC 3339" {
			other.Rejected[i].Reason = "time is in an impossible year"
		}
	}
	if len(reading.Good) == 0 && len(other.Good) == 0 {
		reading.Good, other.Good = nil, nil
	}
	if !errors.Is(err, otherErr) || !reflect.DeepEqual(reading, other) {
		t.Fatalf("Protobuf: %+v, %v\nJSON %s: %+v, %v", reading, err, asJSON(b), other, otherErr)
	}
}

// Both forms of a batch lead to the same events and the same reasons.
func TestBothFormsAreReadAlike(t *testing.T) {
	t.Parallel()
	double := rapid.OneOf(rapid.Float64Range(-95, 95), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 180, -180, 181, math.NaN(), math.Inf(1), math.Inf(-1)}))
	single := rapid.OneOf(rapid.Float32Range(0, 110), rapid.Float32(),
		rapid.SampledFrom([]float32{0, -1, 100, 70, float32(math.NaN()), float32(math.Inf(1)), math.SmallestNonzeroFloat32, math.MaxFloat32, -0.00001}))
	some := func(t *rapid.T, name string) *float32 {
		if rapid.IntRange(0, 19).Draw(t, name+" is left out") == 0 {
			return nil
		}
		value := single.Draw(t, name)
		if rapid.IntRange(0, 3).Draw(t, name+" is tame") > 0 {
			value = 10
		}
		return &value
	}
	text := rapid.OneOf(rapid.StringN(0, 70, -1), rapid.SampledFrom([]string{"a", "b", "\x00", "straße"})).Filter(utf8.ValidString)
	rapid.Check(t, func(t *rapid.T) {
		b := &pb.Batch{V: rapid.SampledFrom([]uint32{1, 1, 1, 0, 2}).Draw(t, "v")}
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			e := &pb.Event{
				Id: text.Draw(t, "id"), Kind: pb.Kind(rapid.SampledFrom([]int32{1, 2, 1, 2, 0, 3, -1}).Draw(t, "kind")),
				TimeUs:    now().UnixMicro() + rapid.SampledFrom([]int64{0, 1, 3e8, 3e8 + 1, -14 * 864e8, -14*864e8 - 1, -now().UnixMicro(), -1e16, 9e17}).Draw(t, "time"),
				AccuracyM: some(t, "accuracy"), SpeedMps: some(t, "speed"), HeadingDeg: some(t, "heading"), PeakG: some(t, "peak"),
				DurationS: some(t, "duration"), RateHz: some(t, "rate"), Place: text.Draw(t, "place"),
			}
			if rapid.IntRange(0, 9).Draw(t, "lat is left out") > 0 {
				lat, lon := double.Draw(t, "lat"), double.Draw(t, "lon")
				e.Lat, e.Lon = &lat, &lon
			}
			if rapid.Bool().Draw(t, "with samples") {
				e.WaveG = rapid.SliceOfN(rapid.OneOf(single, rapid.Float32Range(-40, 40)), 0, 20).Draw(t, "wave")
			}
			b.Events = append(b.Events, e)
		}
		payload, err := proto.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, payload, b)
	})
}

func TestProtobufThatIsRefusedWhole(t *testing.T) {
	t.Parallel()
	golden, err := pb.Encode(goldenBatch())
	if err != nil {
		t.Fatal(err)
	}
	one := func(events int) []byte {
		b := &pb.Batch{V: 1}
		for range events {
			b.Events = append(b.Events, &pb.Event{})
		}
		payload, err := proto.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	odd := protowire.AppendBytes(protowire.AppendTag(nil, 12, protowire.BytesType), []byte{1, 2, 3})
	for name, test := range map[string]struct {
		payload []byte
		reason  string
	}{
		"nothing":      {nil, "the batch has no events"},
		"JSON":         {goldenBatch().Append(nil), "not Protobuf: "},
		"cut off":      {golden[:len(golden)-3], "not Protobuf: "},
		"no events":    {one(0), "the batch has no events"},
		"201 events":   {one(201), "the batch has more than 200 events"},
		"version 2":    {append(bytes.Clone(golden), 8, 2), "v is not 1"},
		"too long":     {make([]byte, wire.MaxPayloadBytes+1), "the payload is longer than 1048576 bytes"},
		"zero":         {make([]byte, 100), "not Protobuf: "},
		"half samples": {protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), odd), "not Protobuf: packed samples end in the middle of one"},
		"deep groups":  {bytes.Repeat([]byte{0x7b}, 20_000), "not Protobuf: "},
	} {
		if _, err := wire.ReadProtobuf(test.payload, now()); err == nil || !strings.HasPrefix(err.Error(), test.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reading, err := wire.ReadProtobuf(one(200), now()); err != nil || len(reading.Rejected) != 200 || reading.Rejected[0].Reason != "id is missing" {
		t.Error(reading, err)
	}
}

// Broken text costs its event; a field of another version or type is passed over; samples may come one by one.
func TestProtobufOfOtherSenders(t *testing.T) {
	t.Parallel()
	sender := func(change func(event []byte) []byte) []byte {
		whole := goldenBatch()
		whole.Events = whole.Events[:1]
		payload, err := pb.Encode(whole)
		if err != nil {
			t.Fatal(err)
		}
		_, _, v := protowire.ConsumeField(payload)
		_, _, tag := protowire.ConsumeTag(payload[v:])
		event, _ := protowire.ConsumeBytes(payload[v+tag:])
		return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), change(bytes.Clone(event)))
	}
	reading, err := wire.ReadProtobuf(append(sender(func(e []byte) []byte {
		return protowire.AppendString(protowire.AppendTag(e, 1, protowire.BytesType), "\xff")
	}), sender(func(e []byte) []byte {
		e = protowire.AppendFixed32(protowire.AppendTag(e, 12, protowire.Fixed32Type), math.Float32bits(0.5)) // one more sample
		e = protowire.AppendVarint(protowire.AppendTag(e, 4, protowire.VarintType), 7)                        // lat of another type
		return protowire.AppendVarint(protowire.AppendTag(e, 99, protowire.VarintType), 7)                    // unknown
	})...), now())
	if err != nil || len(reading.Rejected) != 1 || reading.Rejected[0] != (wire.Rejection{ID: "\uFFFD", Reason: "id is not valid text"}) {
		t.Fatal(reading, err)
	}
	want := goldenBatch().Events[0]
	want.WaveG = append(want.WaveG, 0.5)
	if len(reading.Good) != 1 || !reflect.DeepEqual(reading.Good[0], want) {
		t.Fatalf("%+v", reading.Good)
	}
}

// FuzzReadProtobuf holds ReadProtobuf against the generated code: what that calls Protobuf is Protobuf here, and read as
// the same batch in JSON is; what it does not is refused, but for broken text, which costs an event.
func FuzzReadProtobuf(f *testing.F) {
	golden, err := pb.Encode(goldenBatch())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add(golden[:60])
	f.Add([]byte{})
	f.Add([]byte{8, 2, 18, 0})
	f.Add([]byte{18, 7, 10, 1, 'a', 16, 1, 24, 5})
	f.Add(append(bytes.Clone(golden), golden...))
	f.Add(bytes.Repeat([]byte{0x1b}, 300))
	f.Fuzz(func(t *testing.T, payload []byte) {
		reading, err := wire.ReadProtobuf(payload, now())
		for _, e := range reading.Good {
			obeys(t, e)
		}
		for _, r := range reading.Rejected {
			if r.Reason == "" || !utf8.ValidString(r.ID) || utf8.RuneCountInString(r.ID) > wire.MaxIDLength {
				t.Fatalf("rejection %+v", r)
			}
		}
		var b pb.Batch
		if standard := proto.Unmarshal(payload, &b); standard != nil {
			if err == nil && !strings.Contains(standard.Error(), "UTF-8") {
				t.Fatalf("generated code says %v, we read %+v", standard, reading)
			}
			return
		}
		if err != nil && strings.HasPrefix(err.Error(), "not Protobuf") {
			t.Fatalf("generated code can read what we call %v", err)
		}
		same(t, payload, &b)
	})
}
