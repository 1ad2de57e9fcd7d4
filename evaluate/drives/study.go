package drives

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/crowd"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

// Options say how large a study is and which seeds it takes.
type Options struct {
	Drives  int     // of each kind
	First   uint64  // seed of the first drive
	Seconds float64 // of each drive; 0: 300
	Tuning  uint64  // seed of the first drive that the published methods' thresholds are fitted on
}

// Standard is the study that is published.
func Standard() Options { return Options{Drives: 16, First: 1001, Tuning: 2001} }

// Line is one kind of drive, and what each method heard on it.
type Line struct {
	Name   string
	Counts []Counts
}

// Study is what was measured.
type Study struct {
	Options
	Methods     []Method
	Sensitivity []float64 // by method: the factor on its published thresholds that is best on the tuning drives
	AsPublished []Counts  // at 100 Hz
	Rates       []Line
	Mounts      []Line
	Vehicles    []Line
	Good        []Line // good road
	Places      []Places
	PlacesRate  float64
	Clips       Clips
	Looks       []Looks
}

// Clips are short recordings of one axis without speed.
type Clips struct {
	Potholes, Roads int
	Heard, Wrong    []int // by method
}

// Looks is how well potholes are told from speed bumps by the waveform alone.
type Looks struct {
	Name            string
	Area            float64 // under the curve
	Potholes, Bumps int
}

// inHz names sample rates.
func inHz(rates []float64) []string {
	names := make([]string, len(rates))
	for i, hz := range rates {
		names[i] = fmt.Sprintf("%g Hz", hz)
	}
	return names
}

// Run drives and listens. It says what it is doing, and stops when the context ends.
func Run(ctx context.Context, o Options, say func(string)) (*Study, error) {
	s := &Study{Options: o, Methods: Methods(), PlacesRate: 5}
	for range s.Methods {
		s.Sensitivity = append(s.Sensitivity, 1)
	}
	say("fitting the published thresholds")
	if err := s.tune(ctx); err != nil {
		return s, err
	}
	rates, goodRates := []float64{5, 10, 20, 50, 100, 200, 500}, []float64{5, 50}
	for _, kind := range []struct {
		title string
		into  *[]Line
		names []string
		with  func(k int, o *firmwaresim.DriveOptions)
	}{
		{"sample rates", &s.Rates, inHz(rates), func(k int, o *firmwaresim.DriveOptions) { o.RateHz = rates[k] }},
		{"mounts", &s.Mounts, firmwaresim.Mounts(), func(k int, o *firmwaresim.DriveOptions) { o.Mount = firmwaresim.Mounts()[k] }},
		{"vehicles", &s.Vehicles, firmwaresim.Vehicles(), func(k int, o *firmwaresim.DriveOptions) { o.Vehicle = firmwaresim.Vehicles()[k] }},
		{"good road", &s.Good, inHz(goodRates), func(k int, o *firmwaresim.DriveOptions) {
			o.RateHz, o.Smooth, o.Calm = goodRates[k], true, true
		}},
	} {
		say(kind.title)
		for k, name := range kind.names {
			line, err := s.line(ctx, name, func(o *firmwaresim.DriveOptions) { kind.with(k, o) })
			if err != nil {
				return s, err
			}
			*kind.into = append(*kind.into, line)
		}
	}
	say("places")
	if err := s.places(ctx); err != nil {
		return s, err
	}
	say("clips and looks")
	if err := s.clips(ctx); err != nil {
		return s, err
	}
	return s, s.looks(ctx)
}

// drive is the nth drive from a seed on: a mixture of cars and holders, uneven samples.
func drive(seed uint64, with func(*firmwaresim.DriveOptions)) (*firmwaresim.Drive, error) {
	o := firmwaresim.DriveOptions{Seed: seed, RateHz: 100, Jitter: 0.1, Physics: firmwaresim.PhysicsHalf,
		Vehicle: firmwaresim.Vehicles()[seed%3], Mount: firmwaresim.Mounts()[seed/3%2]}
	if seed%2 == 0 {
		o.Physics = firmwaresim.PhysicsQuarter
	}
	with(&o)
	return firmwaresim.NewDrive(o)
}

// each makes the drives from a seed on, several at a time, and hands them over one by one, in any order.
func (s *Study) each(ctx context.Context, first uint64, n int, with func(i int, o *firmwaresim.DriveOptions), take func(i int, d *firmwaresim.Drive)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var turn sync.Mutex
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("simulated drives: %w", err)
			}
			d, err := drive(first+uint64(i), func(o *firmwaresim.DriveOptions) {
				o.Seconds = s.Seconds
				with(i, o)
			})
			if err != nil {
				return err
			}
			turn.Lock()
			defer turn.Unlock()
			take(i, d)
			return nil
		})
	}
	return g.Wait()
}

// line measures all methods on one kind of drive.
func (s *Study) line(ctx context.Context, name string, with func(*firmwaresim.DriveOptions)) (Line, error) {
	l := Line{Name: name, Counts: make([]Counts, len(s.Methods))}
	err := s.each(ctx, s.First, s.Drives, func(_ int, o *firmwaresim.DriveOptions) { with(o) }, func(_ int, d *firmwaresim.Drive) {
		for i, m := range s.Methods {
			l.Counts[i].Add(Measure(d, m.Hear(d.Samples, s.Sensitivity[i])))
		}
	})
	return l, err
}

// tune measures all methods as they were published, and finds the factor on each one's thresholds that has the best F1 at 100 Hz, on
// drives that are not measured on. Our own and the apps' parameters stay as they are.
func (s *Study) tune(ctx context.Context) error {
	line, err := s.line(ctx, "", func(*firmwaresim.DriveOptions) {})
	if err != nil {
		return err
	}
	s.AsPublished = line.Counts
	factors := []float64{0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2, 2.5, 3, 4}
	counts := make([][]Counts, len(s.Methods))
	for i := range counts {
		counts[i] = make([]Counts, len(factors))
	}
	err = s.each(ctx, s.Tuning, s.Drives, func(int, *firmwaresim.DriveOptions) {}, func(_ int, d *firmwaresim.Drive) {
		for i, m := range s.Methods[2:] {
			for k, f := range factors {
				counts[i+2][k].Add(Measure(d, m.Hear(d.Samples, f)))
			}
		}
	})
	if err != nil {
		return err
	}
	for i := 2; i < len(s.Methods); i++ {
		best := slices.MaxFunc(counts[i], func(a, b Counts) int {
			if a.F1() < b.F1() {
				return -1
			}
			return 1
		})
		for k := range counts[i] {
			if counts[i][k].F1() == best.F1() {
				s.Sensitivity[i] = factors[k]
				break
			}
		}
	}
	return nil
}

// roads is how many roads the five trips drive over.
func (s *Study) roads() int { return max(1, s.Drives/2) }

// places lets five trips drive each road at 5 Hz.
func (s *Study) places(ctx context.Context) error {
	s.Places = make([]Places, len(s.Methods))
	for road := range s.roads() {
		trips := make([]*firmwaresim.Drive, tripsOfOne)
		err := s.each(ctx, s.First+uint64(road*tripsOfOne), tripsOfOne, func(_ int, o *firmwaresim.DriveOptions) {
			o.RateHz, o.Road, o.Mount, o.Calm = s.PlacesRate, s.First+uint64(road), "dashboard", true
		}, func(i int, d *firmwaresim.Drive) { trips[i] = d })
		if err != nil {
			return err
		}
		for i, m := range s.Methods {
			events := make([][]Felt, len(trips))
			for k, d := range trips {
				events[k] = m.Hear(d.Samples, s.Sensitivity[i])
			}
			p := gather(trips, events)
			s.Places[i].Holes, s.Places[i].Found = s.Places[i].Holes+p.Holes, s.Places[i].Found+p.Found
			s.Places[i].Felt, s.Places[i].Right = s.Places[i].Felt+p.Felt, s.Places[i].Right+p.Right
		}
	}
	return nil
}

// clips cuts 1.2 to 3 s out of drives at 50 Hz: the vertical axis only, no speed.
func (s *Study) clips(ctx context.Context) error {
	s.Clips = Clips{Heard: make([]int, len(s.Methods)), Wrong: make([]int, len(s.Methods))}
	return s.each(ctx, s.First+500, 3*s.Drives, func(_ int, o *firmwaresim.DriveOptions) { o.RateHz, o.Calm, o.NoGPS = 50, true, true }, func(i int, d *firmwaresim.Drive) {
		r := rand.New(rand.NewPCG(s.First, uint64(i)))
		hear := func(from, seconds float64, counts []int) {
			clip := cut(d, from, from+seconds, true)
			for i, m := range s.Methods {
				if len(m.Hear(clip, s.Sensitivity[i])) > 0 {
					counts[i]++
				}
			}
		}
		for k, m := range d.Met {
			seconds := 1.2 + 1.8*r.Float64()
			if m.Class == "pothole" && m.SizeM >= deepM && m.SpeedMPS > rollsMPS {
				s.Clips.Potholes++
				hear(m.T-0.2-(seconds-1)*r.Float64(), seconds, s.Clips.Heard)
			}
			if k+1 < len(d.Met) && d.Met[k+1].T-m.T > 7 && m.SpeedMPS > rollsMPS {
				s.Clips.Roads++
				hear(m.T+2.2, seconds, s.Clips.Wrong)
			}
		}
	})
}

// cut is a part of a drive; of a clip the vertical acceleration alone, without speed.
func cut(d *firmwaresim.Drive, from, to float64, clip bool) []firmwaresim.RawSample {
	var part []firmwaresim.RawSample
	for _, x := range d.Samples {
		if x.T < from || x.T > to {
			continue
		}
		if clip {
			up := 0.0
			for i, a := range x.Acc {
				up += a * d.Axis[i]
			}
			x.Acc, x.SpeedMPS = [3]float64{0, 0, up}, math.NaN()
		}
		part = append(part, x)
	}
	return part
}

// looks asks the classifier to tell potholes from speed bumps by the waveform alone: in whole drives, and in clips of one axis.
func (s *Study) looks(ctx context.Context) error {
	classifier, err := crowd.StandardClassifier()
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		name string
		rate float64
		clip bool
	}{{"5 Hz", 5, false}, {"20 Hz", 20, false}, {"50 Hz", 50, false}, {"100 Hz", 100, false}, {"50 Hz, clips of 1.2 to 3 s", 50, true}} {
		scores := map[string][]float64{}
		listen := func(samples []firmwaresim.RawSample, m firmwaresim.Met) {
			for _, e := range s.Methods[0].Hear(samples, 1) {
				if e.At < m.T-earliestS || e.At > m.T+latestS {
					continue
				}
				b := classifier.Classify(e.PeakG, e.DurationS, math.NaN(), e.RateHz, e.Wave)
				scores[m.Class] = append(scores[m.Class], math.Log((b.Of(crowd.Pothole)+1e-9)/(b.Of(crowd.SpeedBump)+1e-9)))
			}
		}
		err := s.each(ctx, s.First+800, 2*s.Drives, func(_ int, o *firmwaresim.DriveOptions) { o.RateHz, o.Calm = kind.rate, true }, func(i int, d *firmwaresim.Drive) {
			r := rand.New(rand.NewPCG(s.First, uint64(i)))
			for _, m := range d.Met {
				if m.Class != "pothole" && m.Class != "speed_bump" {
					continue
				}
				from, to := m.T-8, m.T+4
				if kind.clip {
					from = m.T - 0.2 - 0.6*r.Float64()
					to = from + 1.2 + 1.8*r.Float64()
				}
				listen(cut(d, from, to, kind.clip), m)
			}
		})
		if err != nil {
			return err
		}
		potholes, bumps := scores["pothole"], scores["speed_bump"]
		s.Looks = append(s.Looks, Looks{kind.name, area(potholes, bumps), len(potholes), len(bumps)})
	}
	return nil
}

// area is how often one of the first scores is above one of the second, ties counting half.
func area(above, below []float64) float64 {
	wins := 0.0
	for _, a := range above {
		for _, b := range below {
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / math.Max(1, float64(len(above)*len(below)))
}
