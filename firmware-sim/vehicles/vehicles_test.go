package vehicles_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
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

	"github.com/streetpulse/streetpulse/firmware-sim/vehicles"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// broker keeps what it acknowledges, and breaks a connection now and then: once with the message kept and not acknowledged, once without.
type broker struct {
	mochi.HookBase
	mu       sync.Mutex
	messages int
	kept     map[string]int // by device and id
	refused  []string
	statuses map[string]map[string]any
	address  string
}

var errBroken = errors.New("broken on purpose")

func (b *broker) ID() string { return "rough" }

func (b *broker) Provides(hook byte) bool {
	return hook == mochi.OnConnectAuthenticate || hook == mochi.OnACLCheck || hook == mochi.OnPublish
}

func (b *broker) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	return cl.ID == string(pk.Connect.Username) && string(pk.Connect.Password) == "secret of "+cl.ID
}

func (b *broker) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (b *broker) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasSuffix(pk.TopicName, "/status") {
		var s map[string]any
		if json.Unmarshal(pk.Payload, &s) == nil {
			b.statuses[cl.ID] = s
		}
		return pk, nil
	}
	if !strings.HasSuffix(pk.TopicName, "/events/pb") {
		return pk, nil
	}
	if b.messages++; b.messages%7 == 0 {
		cl.Stop(errBroken)
		return pk, packets.ErrRejectPacket
	}
	reading, err := wire.ReadProtobuf(pk.Payload, time.Now())
	if err != nil || len(reading.Rejected) > 0 {
		b.refused = append(b.refused, string(pk.Payload))
	}
	for _, e := range reading.Good {
		b.kept[cl.ID+" "+e.ID]++
	}
	if b.messages%7 == 3 {
		cl.Stop(errBroken)
		return pk, packets.ErrRejectPacket
	}
	return pk, packets.CodeSuccessIgnore
}

// start starts a broker that has parameters for vehicles, and a server that enrols them. It returns the server's address.
func start(t *testing.T) (*broker, string) {
	t.Helper()
	b := &broker{kept: map[string]int{}, statuses: map[string]map[string]any{}}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler), InlineClient: true})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(server.AddHook(b, nil), server.AddListener(listeners.NewNet("tcp", listener)), server.Serve()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	parameters := `{"version":1,"least_g":0.1,"revision":4,"next":{"revision":5,"share":1,"parameters":{"version":1,"least_g":0.12}}}`
	if err := server.Publish("streetpulse/v1/detector/vehicle", []byte(parameters), true, 1); err != nil {
		t.Fatal(err)
	}
	b.address = "tcp://" + listener.Addr().String()
	enrol := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var unit struct{ Name, Kind, Code string }
		if json.NewDecoder(r.Body).Decode(&unit) != nil || unit.Kind != "vehicle" || unit.Code != "buses" {
			http.Error(w, "unexpected", http.StatusBadRequest)
			return
		}
		id := strings.ReplaceAll(unit.Name, " ", "-")
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(map[string]any{"id": id, "secret": "secret of " + id, "mqtt": map[string]string{"tcp": b.address}})
	}))
	t.Cleanup(enrol.Close)
	return b, enrol.URL
}

// Units drive at many times the speed of life, are stopped, and go on as the same units with what their queues in files hold. Whatever they
// took for acknowledged is at the broker, which breaks connections before and after it keeps a message, as the network does at any byte.
func TestUnitsDriveAndNothingIsLost(t *testing.T) {
	t.Parallel()
	b, server := start(t)
	dir := t.TempDir()
	felt := int64(0)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var last vehicles.Figures
		fleet := vehicles.Fleet{Count: 4, Seed: 5, Server: server, Code: "buses", Speedup: 200, RateHz: 25, Dir: dir, BetweenLoss: time.Minute,
			Report: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Seen: func(f vehicles.Figures) {
				if last = f; f.All > 60 && f.Configured >= 4 && f.Cut >= 4 && f.Losses > f.Cut {
					cancel()
				}
			}}
		if err := fleet.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("it ended with %v, having done %+v", err, last)
		}
		felt += last.All
		if last.Lost > 0 {
			t.Errorf("%d events could not be stored", last.Lost)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refused) > 0 {
		t.Errorf("%d messages are no batches; the first: %q", len(b.refused), b.refused[0])
	}
	if int64(len(b.kept)) < felt {
		t.Errorf("%d events were acknowledged, %d are there", felt, len(b.kept))
	}
	devices, twice := map[string]int{}, 0
	for event, times := range maps.All(b.kept) {
		id, _, _ := strings.Cut(event, " ")
		devices[id]++
		if times > 1 {
			twice++
		}
	}
	if len(devices) != 4 || len(b.statuses) != 4 {
		t.Errorf("%d units sent events, %d said how they are: after the second start they must be the same four", len(devices), len(b.statuses))
	}
	if twice == 0 {
		t.Error("no acknowledgement was lost: the test shows nothing")
	}
	for id, s := range b.statuses {
		if s["app"] != "streetpulse-unit" || s["firmware"] == nil {
			t.Errorf("%s says %v", id, s)
		}
	}
}
