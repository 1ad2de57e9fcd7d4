package vehicles

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// Figures are what a fleet did since the last ones.
type Figures struct {
	Connected  int     // units, now
	Queued     int     // events that wait in the units, now
	Samples    float64 // read, a second
	Felt       float64 // events stored in units' queues, a second
	Sent       float64 // events acknowledged, a second
	Pace       float64 // the fleet's seconds in one of life
	Median     time.Duration
	P99, Worst time.Duration // from a batch's PUBLISH to its PUBACK
	Batches    int           // acknowledged
	Failed     int64         // connections, since the beginning
	Losses     int64         // of the network, since the beginning
	Cut        int64         // of them those that cut a packet short, or left it without an answer
	Configured int64         // times that a unit took parameters
	Lost       int64         // events that could not be stored, since the beginning
	All        int64         // events acknowledged, since the beginning
	MemoryMB   int           // of this process
}

func (f *Fleet) acknowledged(events int, took time.Duration) {
	f.count.sent.Add(int64(events))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latencies = append(f.latencies, took)
}

// report logs the figures now and then.
func (f *Fleet) report(ctx context.Context) {
	tick := time.NewTicker(f.Report)
	defer tick.Stop()
	last, at := time.Now(), f.clock.reached()
	var samples, felt, sent int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, reached := time.Now(), f.clock.reached()
		s := now.Sub(last).Seconds()
		g := Figures{Pace: reached.Sub(at).Seconds() / s, Connected: int(f.count.connected.Load()), Failed: f.count.failed.Load(),
			Losses: f.count.losses.Load(), Cut: f.count.cut.Load(), Configured: f.count.configured.Load(), Lost: f.count.lost.Load(), All: f.count.sent.Load()}
		rate := func(count, before int64) float64 { return float64(count-before) / s }
		g.Samples, g.Felt, g.Sent = rate(f.count.samples.Load(), samples), rate(f.count.felt.Load(), felt), rate(g.All, sent)
		samples, felt, sent, last, at = f.count.samples.Load(), f.count.felt.Load(), g.All, now, reached
		for _, v := range f.vehicles {
			g.Queued += v.queued()
		}
		f.latency(&g)
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		g.MemoryMB = int(memory.Sys >> 20)
		f.Log.Info("units", "connected", g.Connected, "of", len(f.vehicles), "pace", round(g.Pace), "samples_per_s", round(g.Samples), "felt_per_s", round(g.Felt),
			"acknowledged_per_s", round(g.Sent), "queued", g.Queued, "puback_median", g.Median, "puback_p99", g.P99, "puback_worst", g.Worst,
			"acknowledged", g.All, "losses", g.Losses, "cut", g.Cut, "failed", g.Failed, "configured", g.Configured, "lost", g.Lost, "memory_mb", g.MemoryMB)
		if f.Seen != nil {
			f.Seen(g)
		}
	}
}

func (f *Fleet) latency(g *Figures) {
	f.mu.Lock()
	took := f.latencies
	f.latencies = nil
	f.mu.Unlock()
	if g.Batches = len(took); g.Batches == 0 {
		return
	}
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(10 * time.Microsecond)
	}
	g.Median, g.P99, g.Worst = at(0.5), at(0.99), at(1)
}

func round(x float64) float64 { return float64(int(100*x+0.5)) / 100 }
