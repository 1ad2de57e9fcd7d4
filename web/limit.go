package web

import (
	"net/netip"
	"sync"
	"time"
)

// hourly counts what each network does within an hour.
type hourly struct {
	limit  int // 0: none
	v4, v6 int // bits of a network
	mu     sync.Mutex
	times  map[netip.Prefix][]time.Time
}

// newHourly counts each address. An IPv6 network counts as one, as one person has many.
func newHourly(limit int) *hourly { return newHourlyOf(limit, 32, 64) }

func newHourlyOf(limit, v4, v6 int) *hourly {
	return &hourly{limit: limit, v4: v4, v6: v6, times: map[netip.Prefix][]time.Time{}}
}

// networkOf returns the network that an address counts as, an invalid one where there is no address: a local socket.
func networkOf(a netip.Addr, v4, v6 int) netip.Prefix {
	bits := v4
	if a.Is6() {
		bits = v6
	}
	network, _ := a.Prefix(bits)
	return network
}

// take counts one more for an address, or returns how long it must wait.
func (h *hourly) take(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	network := networkOf(a, h.v4, h.v6)
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
	network := networkOf(a, h.v4, h.v6)
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

// quota is what may be sent in an hour from one address, from its neighbours, and from all who share their provider's network, so
// that who has many addresses is still one.
type quota []*hourly

func newQuota(limit int) quota {
	return quota{newHourly(limit), newHourlyOf(3*limit, 24, 48), newHourlyOf(10*limit, 16, 32)}
}

// may says whether one more may come from an address, or how long it must wait.
func (q quota) may(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	for _, h := range q {
		if wait, ok := h.may(a, now); !ok {
			return wait, false
		}
	}
	return 0, true
}

// count counts one that was taken.
func (q quota) count(a netip.Addr, now time.Time) {
	for _, h := range q {
		h.take(a, now)
	}
}

// fresh says whether none has come from an address within the hour.
func (q quota) fresh(a netip.Addr, now time.Time) bool {
	h := q[0]
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(since(h.times[networkOf(a, h.v4, h.v6)], now)) == 0
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
