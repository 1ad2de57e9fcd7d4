package web

import (
	"net/netip"
	"sync"
	"time"
)

// hourly counts what each address does within an hour. An IPv6 network counts as one, as one person has many.
type hourly struct {
	limit int // 0: none
	mu    sync.Mutex
	times map[netip.Prefix][]time.Time
}

func newHourly(limit int) *hourly {
	return &hourly{limit: limit, times: map[netip.Prefix][]time.Time{}}
}

// take counts one more for an address, or returns how long it must wait.
func (h *hourly) take(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if h.limit <= 0 {
		return 0, true
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return 0, true // no address: a local socket
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.times) > 10_000 {
		h.forget(now)
	}
	recent := since(h.times[network], now)
	if len(recent) >= h.limit {
		h.times[network] = recent
		return recent[len(recent)-h.limit].Add(time.Hour).Sub(now), false
	}
	h.times[network] = append(recent, now)
	return 0, true
}

func (h *hourly) forget(now time.Time) {
	for network, times := range h.times {
		if len(since(times, now)) == 0 {
			delete(h.times, network)
		}
	}
}

// since returns those of times that lie within the last hour.
func since(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= time.Hour {
		times = times[1:]
	}
	return times
}
