package ingest

import (
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// LongestPause is how long one message may be held back. A client that waits longer than 10 s for the answer to a ping
// believes the connection broken (paho's default), so a device far above its rate is slowed to one message in 8 s.
const LongestPause = 8 * time.Second

// leastPaced is how many devices a pace remembers before it begins to forget those that owe nothing.
const leastPaced = 10_000

// Pace holds each device to its rate, and to what is usual on a day. Nothing is refused for good: who is above is read more slowly. A
// device may send one minute's events at once, at least a full batch; who is above a day's is read one message in LongestPause for the
// rest of it (UTC). The rate is counted by each process for itself, the day by all of them together, as far as SaveHabits has come.
type Pace struct {
	perSecond, burst float64
	day              int64 // events of a device on a day; 0: no limit
	log              *slog.Logger
	late             *prometheus.CounterVec // messages held back or sent back, by the limit

	mu      sync.Mutex
	buckets map[string]bucket
	sweepAt int // buckets at which it looks for those that can go
}

// bucket is what a device may still send, at a time; below 0 it owes.
type bucket struct {
	spare float64
	at    time.Time
	day   int64     // Unix, that spent is of
	spent int64     // events on that day
	next  time.Time // above the day's limit: when the next message is read

	admitted int // messages between Admit and Settle
}

func newPace(o Options) *Pace {
	p := &Pace{perSecond: float64(o.DeviceRate) / 60, burst: float64(max(o.DeviceRate, wire.MaxBatchEvents)), day: int64(o.DeviceDay), log: o.Log,
		buckets: map[string]bucket{}, sweepAt: leastPaced}
	p.late = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "streetpulse_ingest_late_total", Help: "Messages held back, or sent back for later, because their device was above its limit."}, []string{"limit"})
	if o.Registerer != nil {
		o.Registerer.MustRegister(p.late)
	}
	return p
}

func (p *Pace) off() bool { return p.perSecond == 0 && p.day == 0 }

// Delay returns how long a device's next message is to be held back, LongestPause at most.
func (p *Pace) Delay(device string, now time.Time) time.Duration {
	if p.off() {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(LongestPause, p.owes(p.look(device, now), now))
}

// Spend notes that a device has sent events.
func (p *Pace) Spend(device string, events int, now time.Time) {
	if p.off() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spend(device, events, events, now)
}

// Admit is Delay for what may come over many connections at once, as over HTTP: a full batch is spent before it is read, until Settle. It
// returns false where the device owes more than LongestPause and another message of it is being held back or read already: then it is to
// come back after the wait, and nothing is spent.
func (p *Pace) Admit(device string, now time.Time) (wait time.Duration, ok bool) {
	if p.off() {
		return 0, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.look(device, now)
	if wait = p.owes(b, now); wait > LongestPause {
		if b.admitted > 0 {
			return wait, false
		}
		wait = LongestPause
	}
	p.spend(device, wire.MaxBatchEvents, 0, now)
	b = p.buckets[device]
	b.admitted++
	p.buckets[device] = b
	return wait, true
}

// Settle notes how many events there were in what Admit has let in.
func (p *Pace) Settle(device string, events int, now time.Time) {
	if p.off() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.look(device, now)
	b.admitted = max(0, b.admitted-1)
	b.spare = min(p.burst, b.spare+float64(wire.MaxBatchEvents-events))
	p.above(device, b.spent, b.spent+int64(events))
	b.spent += int64(events)
	p.buckets[device] = b
}

// counted takes over how many events a device has sent on a day to all processes.
func (p *Pace) counted(device string, day time.Time, events int64) {
	if p.day == 0 || events < p.day/2 { // few: what is known here is near enough
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets[device]
	if !ok {
		b = bucket{spare: p.burst, at: day}
	}
	if n := dayOf(day); b.day < n {
		b.day, b.spent = n, 0
	} else if b.day > n {
		return
	}
	p.above(device, b.spent, events)
	b.spent = max(b.spent, events)
	p.buckets[device] = b
}

func dayOf(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// look returns a device's bucket as it is now.
func (p *Pace) look(device string, now time.Time) bucket {
	b, ok := p.buckets[device]
	if !ok {
		return bucket{spare: p.burst, at: now, day: dayOf(now)}
	}
	b.spare = min(p.burst, b.spare+max(0, now.Sub(b.at).Seconds())*p.perSecond)
	b.at = now
	if today := dayOf(now); b.day < today {
		b.day, b.spent, b.next = today, 0, time.Time{}
	}
	return b
}

// owes returns how long a device must wait.
func (p *Pace) owes(b bucket, now time.Time) time.Duration {
	var wait time.Duration
	limit := "minute"
	if b.spare < 0 && p.perSecond > 0 {
		wait = time.Duration(-b.spare / p.perSecond * float64(time.Second))
	}
	if p.day > 0 && b.spent > p.day && b.next.Sub(now) > wait {
		wait, limit = b.next.Sub(now), "day"
	}
	if wait > 0 {
		p.late.WithLabelValues(limit).Inc()
	}
	return wait
}

// spend makes a device owe, and counts its events.
func (p *Pace) spend(device string, owed, events int, now time.Time) {
	b := p.look(device, now)
	b.spare = max(b.spare-float64(owed), -2*p.burst) // who was far above is not held back for hours after it
	p.above(device, b.spent, b.spent+int64(events))
	if b.spent += int64(events); p.day > 0 && b.spent > p.day {
		if b.next.Before(now) {
			b.next = now
		}
		b.next = b.next.Add(LongestPause)
	}
	if len(p.buckets) >= p.sweepAt {
		p.sweep(now)
	}
	p.buckets[device] = b
}

// above tells of a device that comes above a day's events.
func (p *Pace) above(device string, before, after int64) {
	if p.day > 0 && before <= p.day && after > p.day {
		p.log.Warn("a device has sent more than is usual on a day, and is read slowly until midnight (UTC)", "device", device, "events", after)
	}
}

// sweep forgets the devices that are as if they had sent nothing. It comes at twice as many as it left: looking costs each message little.
func (p *Pace) sweep(now time.Time) {
	for device := range p.buckets {
		if b := p.look(device, now); b.spare >= p.burst && b.spent <= p.day/2 && b.admitted == 0 {
			delete(p.buckets, device)
		}
	}
	p.sweepAt = max(leastPaced, 2*len(p.buckets))
}
