package ingest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/streetpulse/streetpulse/ingest"
)

func minute(n int) time.Time { return time.Date(2026, 3, 1, 0, n, 0, 0, time.UTC) }

func TestCatchupNeedsThreeDevices(t *testing.T) {
	t.Parallel()
	c := &ingest.Catchup{Time: func() time.Time { return minute(1000) }}
	if !c.Now().IsZero() {
		t.Error("it has a time before the first event")
	}
	for i, step := range []struct {
		device   string
		at, want int
	}{
		{"a", 10, 10}, {"a", 20, 20}, {"b", 15, 20}, {"b", 30, 20}, {"c", 25, 20}, // one device, two, three
		{"c", 90, 20}, {"c", 95, 20}, {"d", 5, 20}, {"b", 60, 20}, {"a", 50, 50}, // one that runs ahead moves nothing
		{"d", 55, 55}, {"a", 57, 57}, {"e", 2000, 60}, {"f", 3000, 95}, {"g", 4000, 1000}, // never after the wall's
		{"a", 1, 1000},
	} {
		if got := c.Received(step.device, minute(step.at)); !got.Equal(minute(step.want)) || !c.Now().Equal(got) {
			t.Fatalf("step %d: %v, not %v", i, got, minute(step.want))
		}
	}
}

func TestCatchupStartsAndFollows(t *testing.T) {
	t.Parallel()
	wall := minute(100)
	c := &ingest.Catchup{Follow: true, Time: func() time.Time { return wall }}
	c.Start(minute(50))
	if got := c.Received("a", minute(10)); !got.Equal(minute(50)) {
		t.Error(got)
	}
	if got := c.Received("a", minute(98)); !got.Equal(minute(98)) {
		t.Error(got)
	}
	if got := c.Received("a", minute(99)); !got.Equal(minute(100)) {
		t.Error(got)
	}
	wall = minute(200)
	if got := c.Now(); !got.Equal(minute(200)) {
		t.Error("it does not follow:", got)
	}
}

// However events come, it is the third newest of the devices' newest times, and never goes back.
func TestCatchupIsTheThirdNewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &ingest.Catchup{Time: func() time.Time { return minute(1 << 20) }}
		newest := map[string]int{}
		last := time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			device, at := fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "device")), rapid.IntRange(0, 1000).Draw(t, "at")
			newest[device] = max(newest[device], at)
			got := c.Received(device, minute(at))
			reached := 0
			for _, n := range newest {
				if !minute(n).Before(got) {
					reached++
				}
			}
			if got.Before(last) || len(newest) >= 3 && reached < 3 && got.After(last) {
				t.Fatalf("%v after %v, reached by %d", got, last, reached)
			}
			ahead := 0
			for _, n := range newest {
				if minute(n).After(got) {
					ahead++
				}
			}
			if len(newest) >= 3 && ahead >= 3 {
				t.Fatalf("%v, but %d devices are ahead", got, ahead)
			}
			last = got
		}
	})
}

func TestCatchupIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c := &ingest.Catchup{}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			last := time.Time{}
			for n := range 1000 {
				got := c.Received(fmt.Sprint(i), minute(n))
				if got.Before(last) {
					t.Error("it went back")
				}
				last = got
			}
		})
	}
	group.Wait()
}
