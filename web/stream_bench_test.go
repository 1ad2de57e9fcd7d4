package web_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// BenchmarkStreams has 1,000 pages open that each hear of 21 changes: how much memory that costs, with those who listen in the same process, and
// how long a change takes until the last of them has heard of it.
func BenchmarkStreams(b *testing.B) {
	const pages, changes = 1000, 21
	w := newTown(b)
	w.put(defect{ID: "pnew", Street: "Ringstraße", Share: .5, State: crowd.Confirmed, Severity: .8, Devices: 7, Days: 1, Order: dispatch.New})
	for b.Loop() {
		runtime.GC()
		before := resident(b)
		var heard sync.WaitGroup
		told := make(chan struct{}, pages)
		for range pages {
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.http.URL, "http://"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = conn.Close() })
			if _, err := fmt.Fprint(conn, "GET /api/v1/stream HTTP/1.1\r\nHost: streetpulse\r\n\r\n"); err != nil {
				b.Fatal(err)
			}
			listening := make(chan struct{})
			heard.Go(func() {
				lines := bufio.NewScanner(conn)
				for n := 0; n < changes && lines.Scan(); {
					switch {
					case strings.HasPrefix(lines.Text(), ": hello"):
						close(listening)
					case strings.HasPrefix(lines.Text(), "data: "):
						n++
						told <- struct{}{}
					}
				}
			})
			<-listening
		}
		open := resident(b)
		var slowest time.Duration
		for range changes {
			began := time.Now()
			w.announce("order", "onew", "pnew")
			for range pages {
				<-told
			}
			slowest = max(slowest, time.Since(began))
		}
		heard.Wait()
		after := resident(b)
		b.ReportMetric(open-before, "MB-open")
		b.ReportMetric(after-before, "MB-told")
		b.ReportMetric(slowest.Seconds(), "s-slowest")
		b.ReportMetric(0, "ns/op")
		if after-before > 200 {
			b.Errorf("%.0f MB", after-before)
		}
	}
}

// resident is how much memory the process has, MB.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
