package vehicles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/firmware-sim/unit"
)

// Of a unit's connection.
const (
	app          = "streetpulse-unit"
	firmware     = "1.0"
	profile      = "vehicle"
	mostEvents   = 100
	mostBytes    = 128 << 10
	patience     = 30 * time.Second
	firstPause   = 500 * time.Millisecond // before it tries again, doubled up to
	longestPause = 30 * time.Second
	statusEvery  = 5 * time.Minute
	lookEvery    = 10 * time.Second // whether it has come into another region
	betweenLoss  = 20 * time.Minute // of driving, from one loss of the network to the next, on average
	lossFor      = 90 * time.Second
	root         = "streetpulse/v1/"
)

var (
	errPatience = errors.New("no answer in time")
	errClosed   = errors.New("the connection has ended")
)

// link is a unit's connection.
type link struct {
	v      *vehicle
	fleet  *Fleet
	r      *rand.Rand
	device firmwaresim.Enrolled
	client mqtt.Client
	lost   chan struct{}
	net    *network
	region string    // whose watch list it hears
	loss   time.Time // when the network goes next
	told   time.Time // when it last said how it is
	useful bool      // something was acknowledged on this connection
}

// run keeps the unit connected until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.close()
	l.loss = time.Now().Add(l.after(l.fleet.BetweenLoss))
	for pause := firstPause; ctx.Err() == nil; {
		l.useful = false
		err := l.connected(ctx)
		if ctx.Err() != nil {
			return
		}
		l.close()
		if l.net != nil && l.net.hasGone() {
			l.fleet.count.losses.Add(1)
			if !errors.Is(err, errLoss) {
				l.fleet.count.cut.Add(1)
			}
			l.net = nil
			sleep(ctx, l.after(lossFor))
			l.loss = time.Now().Add(l.after(l.fleet.BetweenLoss))
			continue
		}
		l.fleet.count.failed.Add(1)
		l.fleet.Log.Debug("a unit is not connected; it tries again", "unit", l.v.n, "error", err)
		if l.useful {
			pause = firstPause
		}
		sleep(ctx, time.Duration((0.5+l.r.Float64())*float64(pause)))
		pause = min(2*pause, longestPause)
	}
}

// after draws how long something takes that takes so long on average, as the fleet's time passes.
func (l *link) after(mean time.Duration) time.Duration {
	if l.fleet.NoLoss {
		return 1 << 60
	}
	return time.Duration(l.r.ExpFloat64() * float64(mean) / l.fleet.clock.speed())
}

// connected enrols, connects, and sends until something ends it.
func (l *link) connected(ctx context.Context) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	if err := l.connect(ctx); err != nil {
		return err
	}
	l.fleet.count.connected.Add(1)
	defer l.fleet.count.connected.Add(-1)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	loss := time.NewTimer(time.Until(l.loss))
	defer loss.Stop()
	for {
		if err := l.empty(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.lost:
			return errClosed
		case <-l.v.wake:
		case <-loss.C:
			if l.net.goes(moment(l.r.IntN(moments)), l.r.Float64()) {
				return errLoss
			}
		case <-tick.C:
			if err := l.look(ctx); err != nil {
				return err
			}
		}
	}
}

// enter gets the unit its name and secret, once; not all at a time.
func (l *link) enter(ctx context.Context) error {
	if l.device.ID != "" || l.remember() {
		return nil
	}
	select {
	case l.fleet.entering <- struct{}{}:
		defer func() { <-l.fleet.entering }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	l.device, err = firmwaresim.Enrol(ctx, l.fleet.Server, firmwaresim.Enrolment{Name: fmt.Sprintf("unit %d", l.v.n+1), App: app, Kind: profile, Code: l.fleet.Code})
	if err != nil {
		return err
	}
	return l.keep()
}

// remember reads who the unit is from the fleet's folder.
func (l *link) remember() bool {
	if l.fleet.Dir == "" {
		return false
	}
	text, err := os.ReadFile(l.fleet.path(l.v.n, "json"))
	return err == nil && json.Unmarshal(text, &l.device) == nil && l.device.ID != ""
}

func (l *link) keep() error {
	if l.fleet.Dir == "" {
		return nil
	}
	text, err := json.Marshal(l.device)
	if err == nil {
		err = os.WriteFile(l.fleet.path(l.v.n, "json"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep who a unit is: %w", err)
	}
	return nil
}

func (l *link) own(name string) string { return root + "devices/" + l.device.ID + "/" + name }

// connect connects, says how it is, and listens.
func (l *link) connect(ctx context.Context) error {
	broker := l.fleet.Broker
	if broker == "" {
		broker = l.device.MQTT.TCP
	}
	lost := make(chan struct{})
	l.lost, l.region, l.net = lost, "", &network{}
	l.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker).SetClientID(l.device.ID).SetUsername(l.device.ID).SetPassword(l.device.Secret).
		SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true).SetConnectTimeout(patience).SetKeepAlive(4*time.Minute).SetCustomOpenConnectionFn(l.net.open).
		SetWill(l.own("status"), `{"online":false,"app":"`+app+`","firmware":"`+firmware+`"}`, 1, true).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) }))
	if err := done(ctx, l.client.Connect()); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err := l.say(ctx); err != nil {
		return err
	}
	filters := map[string]byte{root + "detector/" + profile: 1, l.own("feedback"): 1}
	if err := done(ctx, l.client.SubscribeMultiple(filters, l.hear)); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return l.follow(ctx)
}

// say publishes the unit's status.
func (l *link) say(ctx context.Context) error {
	l.told = time.Now()
	if err := done(ctx, l.client.Publish(l.own("status"), 1, true, l.v.status(true))); err != nil {
		return fmt.Errorf("publish the status: %w", err)
	}
	return nil
}

// look says how the unit is, now and then, and listens to the watch list of where it is.
func (l *link) look(ctx context.Context) error {
	if time.Since(l.told) > statusEvery {
		if err := l.say(ctx); err != nil {
			return err
		}
	}
	return l.follow(ctx)
}

// follow listens to the watch list of where the unit is.
func (l *link) follow(ctx context.Context) error {
	region := l.v.where()
	if region == l.region {
		return nil
	}
	if l.region != "" {
		l.v.watch(l.region, nil)
		if err := done(ctx, l.client.Unsubscribe(root+"regions/"+l.region+"/watch")); err != nil {
			return fmt.Errorf("unsubscribe: %w", err)
		}
	}
	l.region = region
	if err := done(ctx, l.client.Subscribe(root+"regions/"+region+"/watch", 1, l.hear)); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// hear takes what the server says.
func (l *link) hear(_ mqtt.Client, m mqtt.Message) {
	topic := strings.TrimPrefix(m.Topic(), root)
	switch {
	case strings.HasPrefix(topic, "detector/"):
		p, revision, err := detector.Choose(m.Payload(), l.device.ID)
		if err != nil { // it goes on with what it has
			l.fleet.count.refused.Add(1)
			l.fleet.Log.Debug("a unit does not take parameters", "unit", l.v.n, "error", err)
			return
		}
		l.v.configure(p, revision)
		l.fleet.count.configured.Add(1)
	case strings.HasPrefix(topic, "regions/"):
		region, _, _ := strings.Cut(strings.TrimPrefix(topic, "regions/"), "/")
		if places, ok := l.fleet.lists.read(region, m.Payload()); ok {
			l.v.watch(region, places)
		}
	default:
		l.fleet.count.feedback.Add(1)
	}
}

// empty sends what is queued, a batch after the other, each when the one before is acknowledged.
func (l *link) empty(ctx context.Context) error {
	for {
		payload, last, events := l.v.batch()
		if events == 0 {
			return nil
		}
		began := time.Now()
		if err := done(ctx, l.client.Publish(l.own("events/pb"), 1, false, payload)); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if !l.client.IsConnectionOpen() { // the library completes tokens of a connection that breaks
			return errClosed
		}
		l.fleet.acknowledged(events, time.Since(began))
		l.useful = true
		l.v.acknowledge(last)
	}
}

func (l *link) close() {
	if l.client != nil {
		l.client.Disconnect(0)
		l.client = nil
	}
}

func done(ctx context.Context, token mqtt.Token) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-timer.C:
		return errPatience
	case <-ctx.Done():
		return ctx.Err()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// watched are the places of a watch list's payload.
func watched(payload []byte) ([]unit.Watched, error) {
	var list struct {
		Places []struct {
			ID      string
			Lat     float64
			Lon     float64
			Heading float64 `json:"heading_deg"`
			Radius  float64 `json:"radius_m"`
		}
	}
	if err := json.Unmarshal(payload, &list); err != nil {
		return nil, fmt.Errorf("read a watch list: %w", err)
	}
	out := make([]unit.Watched, len(list.Places))
	for i, p := range list.Places {
		out[i] = unit.Watched{ID: p.ID, Lat: p.Lat, Lon: p.Lon, HeadingDeg: p.Heading, RadiusM: p.Radius}
	}
	return out, nil
}
