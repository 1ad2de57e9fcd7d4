package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

const (
	loadDevices  = 20
	loadMessages = 50  // a device
	loadEvents   = 100 // a message
)

// load is what devices send, and what they have seen acknowledged.
type load struct {
	t       *testing.T
	s       *serving
	begin   time.Time
	secrets map[string]string
	mu      sync.Mutex
	acked   int // messages
}

func newLoad(t *testing.T, s *serving) *load {
	t.Helper()
	l := &load{t: t, s: s, begin: time.Now().Add(-time.Hour).UTC().Truncate(time.Second), secrets: map[string]string{}}
	for range loadDevices {
		answer, err := http.Post("http://"+s.http+"/api/v1/devices", "application/json", strings.NewReader(`{"name":"load"}`))
		if err != nil {
			t.Fatal(err)
		}
		var device struct{ ID, Secret string }
		err = json.NewDecoder(answer.Body).Decode(&device)
		answer.Body.Close()
		if err != nil || device.Secret == "" {
			t.Fatalf("enrol: %s, %v", answer.Status, err)
		}
		l.secrets[device.ID] = device.Secret
	}
	return l
}

// payload is message m of every device: the same bytes however often it is sent.
func (l *load) payload(m int) []byte {
	b := wire.Batch{V: wire.Version}
	for i := range loadEvents {
		n := m*loadEvents + i
		b.Events = append(b.Events, wire.Event{
			ID: fmt.Sprintf("%06d", n), Kind: wire.Bump, Time: l.begin.Add(time.Duration(n) * 100 * time.Millisecond),
			Lat: 48.40 + float64(n%7)*0.0005, Lon: 15.60 + float64(n%5)*0.0005, AccuracyM: 5, SpeedMPS: 11, PeakG: 0.7, DurationS: 0.2,
		})
	}
	return b.Append(nil)
}

// drive sends all messages of one device, each again until it has been acknowledged, over connections that may break at
// any moment. Four messages are under way at a time.
func (l *load) drive(ctx context.Context, device string) error {
	topic := "streetpulse/v1/devices/" + device + "/events"
	next, inFlight := 0, map[uint16]bool{}
	done := map[int]bool{}
	for next < loadMessages {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := dialRaw(l.s.mqtt, device, l.secrets[device])
		if err != nil { // the server is down; it will be up again, the sooner the less it is bothered
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		clear(inFlight)
		sent := next
		for next < loadMessages {
			for sent < loadMessages && len(inFlight) < 4 {
				if !done[sent] {
					if err = c.publish(topic, uint16(sent+1), l.payload(sent)); err != nil {
						break
					}
					inFlight[uint16(sent+1)] = true
				}
				sent++
			}
			var id uint16
			if err == nil {
				id, err = c.ack()
			}
			if err != nil {
				break
			}
			delete(inFlight, id)
			done[int(id)-1] = true
			l.mu.Lock()
			l.acked++
			l.mu.Unlock()
			for done[next] {
				next++
			}
		}
		c.close()
	}
	return nil
}

// run drives all devices while disturb is called again and again; it returns when everything is acknowledged.
func (l *load) run(disturb func(round int)) (rounds int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var devices sync.WaitGroup
	for device := range l.secrets {
		devices.Go(func() {
			if err := l.drive(ctx, device); err != nil {
				l.t.Errorf("device %s: %v", device, err)
			}
		})
	}
	finished := make(chan struct{})
	go func() { devices.Wait(); close(finished) }()
	r := rand.New(rand.NewPCG(1, 2))
	for target := 0; ; rounds++ {
		// Disturb after a random share of the load, so that crashes fall into every phase of a commit.
		target += loadDevices*loadMessages/12 + r.IntN(loadDevices*loadMessages/12)
		for {
			l.mu.Lock()
			reached := l.acked >= target
			l.mu.Unlock()
			if reached {
				break
			}
			select {
			case <-finished:
				return rounds
			case <-ctx.Done():
				l.t.Fatalf("%d of %d messages acknowledged after three minutes\n%s", l.acked, loadDevices*loadMessages, l.s.tail())
			case <-time.After(time.Millisecond):
			}
		}
		disturb(rounds)
	}
}

// check reads every stored event back: all that was acknowledged, which is all, none twice.
func (l *load) check() {
	l.t.Helper()
	seen := map[string]int{}
	for _, line := range bytes.Split([]byte(command(l.t, "export", "events", "--data", l.s.data)), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		event, err := wire.DecodeLine(line)
		if err != nil {
			l.t.Fatal(err)
		}
		seen[event.Device+"/"+event.ID]++
	}
	missing, twice := 0, 0
	for device := range l.secrets {
		for n := range loadMessages * loadEvents {
			switch seen[device+"/"+fmt.Sprintf("%06d", n)] {
			case 0:
				missing++
			case 1:
			default:
				twice++
			}
		}
	}
	if missing > 0 || twice > 0 || len(seen) != loadDevices*loadMessages*loadEvents {
		l.t.Errorf("of %d acknowledged events %d are missing, %d are there twice; %d stored in all",
			loadDevices*loadMessages*loadEvents, missing, twice, len(seen))
	}
}

func TestNothingAcknowledgedIsLostWhenTheServerIsKilled(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	l := newLoad(t, s)
	rounds := l.run(func(int) {
		s.kill()
		s.start()
	})
	if rounds < 5 {
		t.Errorf("the server was killed %d times, want 5 at least", rounds)
	}
	l.check()
	s.stop()
	l.check()
}

func TestNothingAcknowledgedIsLostWhenPostgreSQLIsKilled(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	l := newLoad(t, s)
	rounds := l.run(func(int) {
		killed := postmaster(t, s.data)
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Errorf("kill PostgreSQL: %v", err)
		}
		s.await("ready again", time.Minute, func(ctx context.Context) error {
			switch pid, err := readPostmaster(s.data); {
			case err != nil:
				return err
			case pid == killed:
				return fmt.Errorf("the killed PostgreSQL %d has no successor", killed)
			}
			return get(ctx, "http://"+s.http+"/readyz", &bytes.Buffer{})
		})
	})
	if rounds < 5 {
		t.Errorf("PostgreSQL was killed %d times, want 5 at least", rounds)
	}
	l.check()
}

// postmaster returns the process id of the data folder's PostgreSQL.
func postmaster(t *testing.T, data string) int {
	t.Helper()
	pid, err := readPostmaster(data)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// readPostmaster fails while none has been started.
func readPostmaster(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "postgres", "cluster", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}
