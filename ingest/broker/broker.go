package broker

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/topics"
	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Options are what a Broker is made of.
type Options struct {
	TCPAddr    string // host:port; "": no TCP
	TLSAddr    string // host:port for MQTT over TLS; "": none
	TLS        *tls.Config
	Ingest     *ingest.Ingest
	Pool       *pgxpool.Pool
	Outcomes   Outcomes              // nil: devices are not told what became of what they felt
	Detector   []byte                // the detector's parameters for phones, as their topic has them; nil: none
	MaxPending int                   // connections that have not logged in; 0: 2,000. Beyond it the oldest is closed
	MaxReading int                   // bytes of packets that have not come whole; 0: 256 MiB. Beyond it the oldest is closed
	WriteWait  time.Duration         // for a client to read what is written to it; 0: 10 s
	PacketWait time.Duration         // for a packet that has begun to come whole; 0: a minute
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: no metrics
}

const (
	drainWait    = 15 * time.Second // for what is in flight when the broker stops
	revokedCheck = 2 * time.Second  // how often revoked devices are looked for
	revokedBack  = time.Minute      // how far back, for other machines' clocks
	presenceWait = 5 * time.Second  // for a note of presence
	headroom     = 64 << 10         // bytes of a PUBLISH beside its payload
	sessionKeep  = 3600             // seconds that a session outlives its connection
	acceptPause  = 50 * time.Millisecond
)

// Broker is an MQTT broker that stores what devices publish.
type Broker struct {
	options   Options
	server    *mqtt.Server
	listeners []net.Listener
	metrics   metrics
	pending   *room           // connections that have not logged in
	reading   *room           // packets that have not come whole
	lists     sync.Map        // of what is to be watched: a payload by region
	working   context.Context // ends when what is in flight is given up
	stop      context.CancelFunc

	mu       sync.Mutex
	conns    map[*conn]struct{}
	inflight int
	draining bool
	drained  chan struct{} // closed when draining and nothing is in flight
	served   sync.WaitGroup
}

// Feedback tells a device what became of its events.
type Feedback struct {
	Accepted int              `json:"accepted"`
	Rejected []wire.Rejection `json:"rejected,omitempty"`
	Outcomes []Outcome        `json:"outcomes,omitempty"`
	Health   ingest.Health    `json:"health,omitempty"` // how the device seems to be, where something is wrong with it
}

// Outcome is what became of a place that a device has felt.
type Outcome struct {
	Place string `json:"place"`
	State string `json:"state"`
}

// Outcomes is what devices are to be told of what they felt.
type Outcomes interface {
	// Untold returns what a device has not been told, and until when that is.
	Untold(ctx context.Context, device string) ([]Outcome, time.Time, error)
	// Told says that a device knows what there was until a time.
	Told(ctx context.Context, device string, until time.Time) error
}

// New makes a broker that listens. Connections wait until Serve.
func New(options Options) (*Broker, error) {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.MaxPending == 0 {
		options.MaxPending = 2_000
	}
	if options.MaxReading == 0 {
		options.MaxReading = 256 << 20
	}
	if options.WriteWait == 0 {
		options.WriteWait = 10 * time.Second
	}
	if options.PacketWait == 0 {
		options.PacketWait = time.Minute
	}
	b := &Broker{options: options, conns: map[*conn]struct{}{}, drained: make(chan struct{})}
	b.working, b.stop = context.WithCancel(context.Background())
	can := mqtt.NewDefaultServerCapabilities()
	can.MaximumMessageExpiryInterval = 0 // else retained messages go after a day
	can.MaximumClientWritesPending = mostLists
	can.MaximumSessionExpiryInterval = sessionKeep
	can.MaximumPacketSize = wire.MaxPayloadBytes + headroom
	can.ReceiveMaximum = 256
	can.MaximumInflight = 128
	can.TopicAliasMaximum = 0
	can.SharedSubAvailable = 0
	can.MinimumProtocolVersion = 4
	can.Compatibilities.NoInheritedPropertiesOnAck = true // else mochi answers 0x01 to user properties
	b.server = mqtt.New(&mqtt.Options{
		Capabilities: can, InlineClient: true, Logger: slog.New(slog.DiscardHandler), // it would log payloads
		SysTopicResendInterval: 24 * 3600, // nobody may read them, and each stops the world
	})
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("make the broker: %w", err)
	}
	b.metrics = newMetrics(options.Registerer, b)
	b.pending, b.reading = newRoom(options.MaxPending, b.metrics.crowdedOut), newRoom(options.MaxReading, b.metrics.crowdedOut)
	if err := b.listen(); err != nil {
		for _, l := range b.listeners {
			l.Close()
		}
		return nil, err
	}
	return b, nil
}

func (b *Broker) listen() error {
	if b.options.TCPAddr != "" {
		l, err := net.Listen("tcp", b.options.TCPAddr)
		if err != nil {
			return fmt.Errorf("listen for MQTT: %w; name another address with --mqtt", err)
		}
		b.listeners = append(b.listeners, l)
	}
	if b.options.TLSAddr != "" {
		l, err := tls.Listen("tcp", b.options.TLSAddr, b.options.TLS)
		if err != nil {
			return fmt.Errorf("listen for MQTT over TLS: %w; name another address with --mqtts", err)
		}
		b.listeners = append(b.listeners, l)
	}
	return nil
}

// TCPAddr returns the address of the TCP listener, nil where there is none.
func (b *Broker) TCPAddr() net.Addr {
	if b.options.TCPAddr == "" {
		return nil
	}
	return b.listeners[0].Addr()
}

// TLSAddr returns the address of the TLS listener, nil where there is none.
func (b *Broker) TLSAddr() net.Addr {
	if b.options.TLSAddr == "" {
		return nil
	}
	return b.listeners[len(b.listeners)-1].Addr()
}

// Serve serves devices until ctx ends. Then it takes no more, finishes and acknowledges what is in flight, and closes
// all connections.
func (b *Broker) Serve(ctx context.Context) error {
	defer b.stop()
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	watching, stopWatching := context.WithCancel(ctx)
	lists := b.firstLists(watching)
	if b.options.Detector != nil {
		if err := b.PublishRetained(topics.Detector("phone"), b.options.Detector); err != nil {
			b.options.Log.Warn("the detector's parameters are not published", "error", err)
		}
	}
	for _, l := range b.listeners {
		b.served.Go(func() { b.accept(l) })
	}
	b.served.Go(func() { b.watchRevoked(watching) })
	b.served.Go(func() { b.watchLists(watching, lists) })
	<-ctx.Done()
	stopWatching()
	var err error
	for _, l := range b.listeners {
		err = errors.Join(err, l.Close())
	}
	b.drain()
	b.stop()
	b.hangUp()
	b.served.Wait()
	return errors.Join(err, b.server.Close())
}

// accept takes connections until the listener is closed.
func (b *Broker) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many open files, most likely
			b.options.Log.Warn("accept a connection", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		go b.serve("tcp", c)
	}
}

// serve serves one connection to its end.
func (b *Broker) serve(listener string, under net.Conn) {
	defer under.Close()
	c := &conn{Conn: under, reading: b.reading, writeWait: b.options.WriteWait, packetWait: b.options.PacketWait}
	if !b.add(c) {
		return
	}
	defer b.served.Done()
	defer b.remove(c)
	defer b.survive(c)
	b.pending.enter(c, 1)
	defer b.pending.leave(c)
	defer b.reading.leave(c)
	if err := c.SetDeadline(time.Now().Add(connectWait)); err != nil {
		return
	}
	if err := b.server.EstablishConnection(listener, c); err != nil {
		b.options.Log.Debug("connection ended", "device", c.session.Device, "remote", under.RemoteAddr().String(), "error", err)
	}
}

// survive ends one connection where mochi panics on what it sent (a SUBSCRIBE of version 5 that ends in the middle is enough),
// and clears up what mochi would have.
func (b *Broker) survive(c *conn) {
	why := recover()
	if why == nil {
		return
	}
	b.metrics.panics.Inc()
	b.options.Log.Error("a client's packet broke its connection", "device", c.session.Device, "remote", c.RemoteAddr().String(), "panic", why,
		"stack", string(debug.Stack()))
	h := &hook{broker: b}
	if client, ok := b.server.Clients.Get(c.session.Device); ok && client.Net.Conn == net.Conn(c) {
		c.cut = true // its will is said
		h.OnDisconnect(client, nil, true)
		client.ClearInflights()
		b.server.UnsubscribeClient(client)
		b.server.Clients.Delete(client.ID)
	}
	if c.busy {
		c.busy = false
		b.end()
	}
}

func (b *Broker) add(c *conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return false
	}
	b.served.Add(1)
	b.conns[c] = struct{}{}
	return true
}

func (b *Broker) remove(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
}

// begin counts a message as in flight. It returns false when the broker takes no more.
func (b *Broker) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.draining {
		b.inflight++
	}
	return !b.draining
}

// end says that a message's acknowledgement is written.
func (b *Broker) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inflight--
	if b.draining && b.inflight == 0 {
		close(b.drained)
	}
}

// drain waits until everything in flight is acknowledged, or too long.
func (b *Broker) drain() {
	b.mu.Lock()
	b.draining = true
	if b.inflight == 0 {
		close(b.drained)
	}
	b.mu.Unlock()
	timer := time.NewTimer(drainWait)
	defer timer.Stop()
	select {
	case <-b.drained:
	case <-timer.C:
		b.options.Log.Warn("stopping with batches that are not stored; devices send them again")
	}
}

// hangUp closes every connection.
func (b *Broker) hangUp() {
	var ended []ingest.Connection
	for _, client := range b.server.Clients.GetAll() {
		if c, ok := client.Net.Conn.(*conn); ok && !client.Closed() {
			ended = append(ended, c.session)
			b.disconnect(client, packets.ErrServerShuttingDown)
		}
	}
	b.mu.Lock()
	for c := range b.conns {
		c.Conn.Close() // also those that have not logged in
	}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), presenceWait)
	defer cancel()
	if err := ingest.Close(ctx, b.options.Pool, ended, time.Now()); err != nil {
		b.options.Log.Warn("presence is not up to date", "error", err)
	}
}

// disconnect closes a client's connection, and tells it why where its version of MQTT has words for it.
func (b *Broker) disconnect(client *mqtt.Client, why packets.Code) {
	if client.Properties.ProtocolVersion == 5 {
		_ = b.server.DisconnectClient(client, why) // it returns why
		return
	}
	client.Stop(why)
}

// watchRevoked closes the connections of devices that were revoked, where hearLists has not heard of it.
func (b *Broker) watchRevoked(ctx context.Context) {
	tick := time.NewTicker(revokedCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		revoked, err := ingest.RevokedSince(ctx, b.options.Pool, time.Now().Add(-revokedBack))
		if err != nil {
			b.options.Log.Debug("look for revoked devices", "error", err)
			continue
		}
		for _, device := range revoked {
			b.cutOff(device)
		}
	}
}

// cutOff closes a revoked device's connection, if it has one here.
func (b *Broker) cutOff(device string) {
	if client, ok := b.server.Clients.Get(device); ok && !client.Closed() {
		b.options.Log.Info("a revoked device is cut off", "device", device)
		b.disconnect(client, packets.ErrNotAuthorized)
	}
}

// tell tells a device what became of what it felt, and where something seems to be wrong with it. What fails is told with its next
// connection.
func (b *Broker) tell(device string) {
	ctx, cancel := context.WithTimeout(b.working, presenceWait)
	defer cancel()
	d, err := ingest.FindDevice(ctx, b.options.Pool, device, time.Now())
	if err == nil && d.Health.Wrong() {
		err = b.SendFeedback(device, Feedback{Health: d.Health})
	}
	if err != nil {
		b.options.Log.Debug("a device is not told how it is", "device", device, "error", err)
	}
	if b.options.Outcomes == nil {
		return
	}
	if err := b.tellOutcomes(ctx, device); err != nil {
		b.options.Log.Debug("a device is not told what became of what it felt", "device", device, "error", err)
	}
}

// SendFeedback sends a device what became of its events, where it is connected to this process and listens.
func (b *Broker) SendFeedback(device string, f Feedback) error {
	payload, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("send feedback: %w", err)
	}
	return b.sendFeedback(device, payload)
}

func (b *Broker) sendFeedback(device string, payload []byte) error {
	if err := b.server.Publish(topics.Device(device, topics.Feedback), payload, false, 1); err != nil {
		return fmt.Errorf("send feedback: %w", err)
	}
	return nil
}

// PublishRetained publishes a message that later subscribers get as well; an empty payload takes it back. It is
// remembered by this process only.
func (b *Broker) PublishRetained(topic string, payload []byte) error {
	if err := b.server.Publish(topic, payload, true, 1); err != nil {
		return fmt.Errorf("publish %s: %w", topic, err)
	}
	return nil
}
