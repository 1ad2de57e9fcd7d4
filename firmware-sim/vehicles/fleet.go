package vehicles

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streetpulse/streetpulse/firmware-sim/queue"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
)

// Fleet is a fleet of vehicle units.
type Fleet struct {
	Count       int
	Seed        uint64
	Server      string        // where they enrol: http://host:port
	Broker      string        // tcp://host:port; empty: the one that enrolling names
	Code        string        // enrolment code; empty: none
	Speedup     float64       // begin days in the past and catch up with now so many times faster than life; 0: begin now
	RateHz      float64       // of the accelerometers; 0: 100
	Faulty      float64       // share of the units with something wrong with their sensors
	NoLoss      bool          // the network is always there
	BetweenLoss time.Duration // of driving, from one loss of the network to the next, on average; 0: 20 minutes
	Dir         string        // where units keep who they are and their queues; empty: in memory
	Report      time.Duration // between two lines of figures in the log; 0: 10 s
	Log         *slog.Logger  // nil: slog.Default()
	Seen        func(Figures) // is handed the figures of each line; nil: nothing

	begin      time.Time
	clock      *clock
	recordings []recording
	vehicles   []*vehicle
	entering   chan struct{}
	lists      lists
	count      counts
	mu         sync.Mutex
	latencies  []time.Duration // since the last report
}

// Of the fleet's time and its units' flash.
const (
	daysBack    = 13 // older events would be refused
	beatEvery   = 250 * time.Millisecond
	longestHop  = time.Minute // of the fleet's time, in one beat
	enterAtOnce = 32
	segments    = 8
	segment     = 8 << 10
	page        = 256
)

// counts are of the whole fleet.
type counts struct {
	connected, samples, felt, lost, sent, failed, losses, cut, refused, configured, feedback atomic.Int64
}

// Run drives until ctx ends.
func (f *Fleet) Run(ctx context.Context) error {
	if err := f.make(ctx); err != nil {
		return err
	}
	defer f.closeFlash()
	linking, unlink := context.WithCancel(ctx)
	var links sync.WaitGroup
	defer links.Wait()
	defer unlink()
	for i, v := range f.vehicles {
		l := &link{v: v, fleet: f, r: rand.New(rand.NewPCG(f.Seed^0x6c696e6b, uint64(i)))}
		links.Go(func() { l.run(linking) })
	}
	links.Go(func() { f.report(linking) })
	return f.drive(ctx)
}

// make makes the units.
func (f *Fleet) make(ctx context.Context) error {
	if f.Log == nil {
		f.Log = slog.Default()
	}
	if f.RateHz == 0 {
		f.RateHz = 100
	}
	if f.BetweenLoss == 0 {
		f.BetweenLoss = betweenLoss
	}
	if f.Report == 0 {
		f.Report = 10 * time.Second
	}
	f.entering = make(chan struct{}, enterAtOnce)
	f.Log.Info("simulating the drives that the units share")
	var err error
	if f.recordings, err = record(ctx, f.Seed, f.Count, f.RateHz); err != nil {
		return err
	}
	f.clock = newClock(time.Now(), f.Speedup)
	f.begin = f.clock.begin
	for n := range f.Count {
		v, err := newVehicle(f, n)
		if err != nil {
			return fmt.Errorf("make unit %d: %w", n+1, err)
		}
		f.vehicles = append(f.vehicles, v)
	}
	return nil
}

// drive lets the units' time pass, all of them together, as many at once as there are processors.
func (f *Fleet) drive(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for at := f.begin; ; {
		now := f.clock.now(time.Now())
		if hop := at.Add(longestHop); now.After(hop) {
			f.clock.slip(now.Sub(hop))
			now = hop
		}
		f.beat(now)
		behind := f.clock.now(time.Now()).Sub(now)
		f.clock.passed(now)
		at = now
		if behind > longestHop/2 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (f *Fleet) beat(now time.Time) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(f.vehicles) {
					return
				}
				f.vehicles[i].step(now)
			}
		})
	}
	workers.Wait()
}

func (f *Fleet) path(n int, kind string) string {
	return filepath.Join(f.Dir, fmt.Sprintf("%05d.%s", n+1, kind))
}

func (f *Fleet) openFlash(n int) (queue.Flash, error) {
	if f.Dir == "" {
		return queue.NewMemory(segments, segment, page), nil
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the units' folder: %w", err)
	}
	return queue.OpenFile(f.path(n, "queue"), segments, segment, page)
}

func (f *Fleet) closeFlash() {
	for _, v := range f.vehicles {
		if file, ok := v.flash.(*queue.File); ok {
			if err := file.Close(); err != nil {
				f.Log.Warn("a unit's queue is not closed", "unit", v.n, "error", err)
			}
		}
	}
}

// lists are the watch lists that units have heard, each read once.
type lists struct {
	mu      sync.Mutex
	payload map[string][]byte
	places  map[string][]unit.Watched
}

func (l *lists) read(region string, payload []byte) ([]unit.Watched, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if places, ok := l.places[region]; ok && bytes.Equal(l.payload[region], payload) {
		return places, true
	}
	places, err := watched(payload)
	if err != nil {
		return nil, false
	}
	if l.places == nil {
		l.payload, l.places = map[string][]byte{}, map[string][]unit.Watched{}
	}
	l.payload[region], l.places[region] = bytes.Clone(payload), places
	return places, true
}
