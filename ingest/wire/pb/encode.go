package pb

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Encode returns the batch as Protobuf, for units and tools that are written in Go. It fails where a text is not UTF-8.
func Encode(b wire.Batch) ([]byte, error) {
	out := &Batch{V: uint32(b.V), Events: make([]*Event, len(b.Events))}
	for i := range b.Events {
		out.Events[i] = event(&b.Events[i])
	}
	payload, err := proto.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode a batch: %w", err)
	}
	return payload, nil
}

func event(e *wire.Event) *Event {
	out := &Event{
		Id: e.ID, TimeUs: e.Time.UnixMicro(), Lat: &e.Lat, Lon: &e.Lon, AccuracyM: single(e.AccuracyM), SpeedMps: single(e.SpeedMPS),
		Place: e.Place,
	}
	if e.HeadingDeg != nil {
		out.HeadingDeg = single(*e.HeadingDeg)
	}
	switch e.Kind {
	case wire.Pass:
		out.Kind = Kind_KIND_PASS
	case wire.Bump:
		out.Kind = Kind_KIND_BUMP
		out.PeakG, out.DurationS, out.WaveG = single(e.PeakG), single(e.DurationS), e.WaveG
		if e.RateHz != 0 {
			out.RateHz = single(e.RateHz)
		}
	}
	return out
}

func single(value float64) *float32 {
	f := float32(value)
	return &f
}
