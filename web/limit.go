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

// networkOf returns the network that an address counts as.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	network, _ := a.Prefix(bits) // invalid where there is no address: a local socket
	return network
}

// take counts one more for an address, or returns how long it must wait.
func (h *hourly) take(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	network := networkOf(a)
	if h.limit <= 0 || !network.IsValid() {
		return 0, true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.times) > 10_000 {
		h.forget(now)
	}
	if wait, ok := h.waits(network, now); !ok {
		return wait, false
	}
	h.times[network] = append(since(h.times[network], now), now)
	return 0, true
}

// may says whether take would count one more, or how long the address must wait.
func (h *hourly) may(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	network := networkOf(a)
	if h.limit <= 0 || !network.IsValid() {
		return 0, true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waits(network, now)
}

func (h *hourly) waits(network netip.Prefix, now time.Time) (wait time.Duration, ok bool) {
	recent := since(h.times[network], now)
	if len(recent) < h.limit {
		return 0, true
	}
	return recent[len(recent)-h.limit].Add(time.Hour).Sub(now), false
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
