package firmwaresim_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// roughBroker keeps what it acknowledges, and breaks every third connection in the middle of a message: one time it has kept
// the message and the acknowledgement is lost, the next time it has not.
type roughBroker struct {
	mochi.HookBase
	mu       sync.Mutex
	messages int
	broken   int
	kept     map[string]int // by device and id
	refused  []string
}

var errBroken = errors.New("broken on purpose")

func (b *roughBroker) ID() string { return "rough" }

func (b *roughBroker) Provides(hook byte) bool {
	return hook == mochi.OnConnectAuthenticate || hook == mochi.OnACLCheck || hook == mochi.OnPublish
}

func (b *roughBroker) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	return cl.ID == string(pk.Connect.Username) && string(pk.Connect.Password) == "secret of "+cl.ID
}

func (b *roughBroker) OnACLCheck(cl *mochi.Client, topic string, _ bool) bool {
	return strings.HasPrefix(topic, "streetpulse/v1/devices/"+cl.ID+"/")
}

func (b *roughBroker) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if !strings.HasSuffix(pk.TopicName, "/events") {
		return pk, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages++
	if b.messages%6 == 0 {
		b.broken++
		cl.Stop(errBroken)
		return pk, packets.ErrRejectPacket
	}
	events, rejected, err := wire.Decode(pk.Payload, time.Time{})
	if err != nil || len(rejected) > 0 || pk.FixedHeader.Qos != 1 {
		b.refused = append(b.refused, string(pk.Payload))
	}
	for _, e := range events {
		b.kept[cl.ID+" "+e.ID]++
	}
	if b.messages%6 == 3 {
		b.broken++
		cl.Stop(errBroken)
		return pk, packets.ErrRejectPacket
	}
	return pk, packets.CodeSuccessIgnore
}

// start returns the broker's address.
func (b *roughBroker) start(t *testing.T) string {
	t.Helper()
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(server.AddHook(b, nil), server.AddListener(listeners.NewNet("tcp", listener)), server.Serve()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return "tcp://" + listener.Addr().String()
}

// enrolment answers phones as the server does, but for the first, which it tells to come back later.
func enrolment(t *testing.T, broker string) string {
	t.Helper()
	var mu sync.Mutex
	busy := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var phone struct{ Name string }
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/devices" || json.NewDecoder(r.Body).Decode(&phone) != nil {
			http.Error(w, "unexpected", http.StatusBadRequest)
			return
		}
		mu.Lock()
		first := !busy
		busy = true
		mu.Unlock()
		if first {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many", http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(map[string]any{"id": phone.Name, "secret": "secret of " + phone.Name, "mqtt": map[string]string{"tcp": broker}})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestNothingIsLostOnARoughLine(t *testing.T) {
	t.Parallel()
	o := firmwaresim.CityOptions{Seed: 3, Blocks: 8, Drivers: 12, Defects: 40, Attackers: -1, Days: 3}
	want := map[string]bool{}
	end := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, o.Days)
	for _, s := range newCity(t, o).All() {
		if s.Deliver.Before(end) { // the drive ends with its last day; what comes later is on its way for ever
			want[s.Device+" "+s.ID] = true
		}
	}
	broker := &roughBroker{kept: map[string]int{}}
	address := broker.start(t)
	mornings := 0
	err := firmwaresim.Fleet{City: newCity(t, o), Server: enrolment(t, address), Log: slog.New(slog.DiscardHandler),
		Morning: func(context.Context, time.Time) error { mornings++; return nil }}.Drive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broker.mu.Lock()
	defer broker.mu.Unlock()
	if broker.broken < 5 || len(want) < 50 || mornings != o.Days {
		t.Fatalf("%d connections broken, %d events, %d mornings: too few to show anything", broker.broken, len(want), mornings)
	}
	if len(broker.refused) > 0 {
		t.Errorf("%d messages are no batches; the first: %.200s", len(broker.refused), broker.refused[0])
	}
	lost := 0
	for e := range want {
		if broker.kept[e] == 0 {
			lost++
		}
	}
	if lost > 0 || len(broker.kept) != len(want) {
		t.Errorf("%d of %d events lost, %d kept", lost, len(want), len(broker.kept))
	}
}

func TestAFleetStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	broker := &roughBroker{kept: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fleet := firmwaresim.Fleet{City: newCity(t, firmwaresim.CityOptions{Seed: 3, Blocks: 8, Drivers: 12, Defects: 40, Attackers: -1}),
		Server: enrolment(t, broker.start(t)), Log: slog.New(slog.DiscardHandler),
		Morning: func(_ context.Context, day time.Time) error {
			if day.Day() == 3 { // the second morning
				cancel()
			}
			return nil
		}}
	if err := fleet.Drive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
