package broker

import (
	"sync"
	"time"
)

// longestPause is how long one message may be held back. A client that waits longer than 10 s for the answer to a ping
// believes the connection broken (paho's default), so a device far above its rate is slowed to one message in 8 s.
const longestPause = 8 * time.Second

// maxPaced bounds the devices that a pace remembers before it forgets those that owe nothing.
const maxPaced = 10_000

// pace holds each device to its rate. A device may send one minute's events at once, at least a full batch.
type pace struct {
	perSecond, burst float64

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what a device may still send, at a time; below 0 it owes.
type bucket struct {
	spare float64
	at    time.Time
}

func newPace(perMinute int, batch int) *pace {
	return &pace{perSecond: float64(perMinute) / 60, burst: float64(max(perMinute, batch)), buckets: map[string]bucket{}}
}

// delay returns how long a device's next message is held back.
func (p *pace) delay(device string, now time.Time) time.Duration {
	if p.perSecond == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	spare := p.spare(device, now)
	if spare >= 0 {
		return 0
	}
	return min(longestPause, time.Duration(-spare/p.perSecond*float64(time.Second)))
}

// spend notes that a device has sent events.
func (p *pace) spend(device string, events int, now time.Time) {
	if p.perSecond == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	spare := p.spare(device, now) - float64(events)
	if len(p.buckets) >= maxPaced {
		for other := range p.buckets {
			if p.spare(other, now) == p.burst {
				delete(p.buckets, other)
			}
		}
	}
	p.buckets[device] = bucket{spare, now}
}

func (p *pace) spare(device string, now time.Time) float64 {
	b, ok := p.buckets[device]
	if !ok {
		return p.burst
	}
	return min(p.burst, b.spare+max(0, now.Sub(b.at).Seconds())*p.perSecond)
}
