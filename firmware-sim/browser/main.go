//go:build js && wasm

package main

import (
	"encoding/binary"
	"math"
	"syscall/js"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
)

func main() {
	js.Global().Set("streetpulse", js.FuncOf(begin))
	select {} // the functions handed out live as long as the worker
}

// begin is called with {parameters: an object as the topic detector/{profile} has it, or null; device: the phone's id, empty where it has none
// yet; withhold: metres; out: function(event)}.
// JSON is left to the browser, which has it: the package would add a third to what a phone loads.
func begin(_ js.Value, arguments []js.Value) any {
	options := arguments[0]
	p, revision, problem := detector.Standard(), 0, ""
	if given := options.Get("parameters"); given.Type() == js.TypeObject {
		p, revision, problem = choose(given, options.Get("device").String())
	}
	out := options.Get("out")
	d := unit.New(unit.Options{Detector: p, WithholdM: options.Get("withhold").Float(), Out: func(e unit.Event) { out.Invoke(object(e)) }})
	return js.ValueOf(map[string]any{
		"revision": revision,
		"problem":  problem, // which parameter is out of range: then the standard ones are used
		"samples":  js.FuncOf(samples(d)),
		"fix":      js.FuncOf(fix(d)),
		"watch":    js.FuncOf(watch(d)),
		"end":      js.FuncOf(func(js.Value, []js.Value) any { d.End(); return nil }),
		"state":    js.FuncOf(func(js.Value, []js.Value) any { return shown(d.State()) }),
	})
}

// choose is detector.Choose: those of the revision that a share of the phones tries, where this one is in it and they can be used, or else
// the others.
func choose(given js.Value, device string) (p detector.Parameters, revision int, problem string) {
	if next := given.Get("next"); next.Type() == js.TypeObject && device != "" {
		n, share, tried := next.Get("revision"), next.Get("share"), next.Get("parameters")
		if n.Type() == js.TypeNumber && share.Type() == js.TypeNumber && tried.Type() == js.TypeObject && detector.InShare(device, int64(n.Int()), share.Float()) {
			if p, problem = parameters(tried); problem == "" {
				return p, n.Int(), ""
			}
		}
	}
	if p, problem = parameters(given); problem != "" {
		return detector.Standard(), 0, problem
	}
	if n := given.Get("revision"); n.Type() == js.TypeNumber {
		revision = n.Int()
	}
	return p, revision, ""
}

// parameters reads parameters: what is left out is as in the standard ones. The name of what is out of range is the problem.
// (Parameters.Check would say more, with a package that weighs 70 KB.)
func parameters(given js.Value) (p detector.Parameters, problem string) {
	p = detector.Standard()
	if v := given.Get("version"); v.Type() != js.TypeNumber || v.Int() != detector.Version {
		return p, "version"
	}
	p.Each(func(name string, value *float64, low, high float64) {
		if v := given.Get(name); v.Type() == js.TypeNumber {
			*value = v.Float()
		}
		if !(*value >= low && *value <= high) { // false for NaN
			problem = name
		}
	})
	return p, problem
}

// sampleSize is the bytes of a sample: t_s, ax, ay, az in m/s², rad/s, as float64.
const sampleSize = 5 * 8

// samples takes a Uint8Array of samples.
func samples(d *unit.Drive) func(js.Value, []js.Value) any {
	var b []byte
	return func(_ js.Value, arguments []js.Value) any {
		n := arguments[0].Length()
		if cap(b) < n {
			b = make([]byte, n)
		}
		b = b[:js.CopyBytesToGo(b[:n], arguments[0])]
		at := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[i:])) }
		for i := 0; i+sampleSize <= len(b); i += sampleSize {
			d.Sample(detector.Sample{T: at(i), Acc: [3]float64{at(i + 8), at(i + 16), at(i + 24)}, Turn: at(i + 32)})
		}
		return nil
	}
}

// fix takes t_s, lat, lon, accuracy_m, speed_mps, heading_deg; the last two are NaN where they are not known.
func fix(d *unit.Drive) func(js.Value, []js.Value) any {
	return func(_ js.Value, a []js.Value) any {
		d.Fix(detector.Fix{T: a[0].Float(), Lat: a[1].Float(), Lon: a[2].Float(), AcM: a[3].Float(), Speed: a[4].Float(), Heading: a[5].Float()})
		return nil
	}
}

// watch takes a region's name and the places of its watch list.
func watch(d *unit.Drive) func(js.Value, []js.Value) any {
	return func(_ js.Value, a []js.Value) any {
		places := make([]unit.Watched, 0, a[1].Length())
		for i := range a[1].Length() {
			x := a[1].Index(i)
			places = append(places, unit.Watched{ID: x.Get("id").String(), Lat: x.Get("lat").Float(), Lon: x.Get("lon").Float(),
				HeadingDeg: x.Get("heading_deg").Float(), RadiusM: x.Get("radius_m").Float()})
		}
		d.Watch(a[0].String(), places)
		return nil
	}
}

// object is an event as the worker gets it: with a wave, or with the name of what it answers for.
func object(e unit.Event) map[string]any {
	o := map[string]any{
		"at": e.At, "lat": e.Where.Lat, "lon": e.Where.Lon, "accuracy": e.Where.AcM, "speed": e.Where.Speed, "heading": e.Where.Heading,
	}
	if e.Jolt == nil {
		o["place"] = e.Watch
		return o
	}
	wave := make([]any, len(e.Jolt.Wave))
	for i, x := range e.Jolt.Wave {
		wave[i] = float64(x)
	}
	o["peak"], o["duration"], o["rate"], o["wave"] = e.Jolt.PeakG, e.Jolt.DurationS, e.Jolt.RateHz, wave
	return o
}

// shown is what a driver may see.
func shown(s unit.State) map[string]any {
	return map[string]any{
		"jolts": s.Jolts, "ignored": s.Ignored, "withheld": s.Withheld, "held": s.Held, "passes": s.Passes, "mount": int(s.Mount),
		"driven": s.DrivenM, "speed": s.Speed, "parked": s.Parked,
	}
}
