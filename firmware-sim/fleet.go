package firmwaresim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/ingest/wire"
)

// Fleet drives a city over real MQTT: each of its phones enrols, keeps what it felt until the broker has acknowledged it, and
// sends it again until then.
type Fleet struct {
	City    *City
	Server  string                                         // where phones enrol: http://host:port
	Broker  string                                         // tcp://host:port; empty: the one that enrolling names
	Speedup float64                                        // how many times faster than life until now is reached; 0: as fast as it goes
	Log     *slog.Logger                                   // nil: slog.Default()
	Morning func(ctx context.Context, day time.Time) error // called before each day; nil: nothing
	Caught  func()                                         // called once when now has been reached; nil: nothing
}

// longestPause is how long a phone waits at most before it tries again.
const longestPause = 10 * time.Second

// slice is how much of the city's time is delivered before the phones wait for each other, so that none runs ahead of the
// others' unacknowledged events.
const slice = 30 * time.Minute

// Drive drives the city's days until ctx ends or they are over.
func (f Fleet) Drive(ctx context.Context) error {
	if f.Log == nil {
		f.Log = slog.Default()
	}
	phones := map[string]*unit{}
	defer func() {
		for _, u := range phones {
			u.close()
		}
	}()
	var waiting []Sent
	caught := false
	for day := range f.City.options.Days {
		morning := f.City.options.Begin.AddDate(0, 0, day)
		if f.Morning != nil {
			if err := f.Morning(ctx, morning); err != nil {
				return err
			}
		}
		waiting = append(waiting, f.City.Day(day)...)
		for at := morning; at.Before(morning.AddDate(0, 0, 1)); at = at.Add(slice) {
			end := at.Add(slice)
			if time.Until(end) > 0 && !caught {
				caught = true
				f.Log.Info("the simulated town has caught up with now", "city", f.City.options.Seed)
				if f.Caught != nil {
					f.Caught()
				}
			}
			var due, later []Sent
			for _, s := range waiting {
				if s.Deliver.Before(end) {
					due = append(due, s)
				} else {
					later = append(later, s)
				}
			}
			waiting = later
			if err := f.deliver(ctx, phones, due, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver sends a slice's events, each phone its own, and returns when all are acknowledged.
func (f Fleet) deliver(ctx context.Context, phones map[string]*unit, due []Sent, at time.Time) error {
	start := time.Now()
	live := time.Until(at.Add(slice)) > 0
	byPhone := map[string][]Sent{}
	var order []string
	for _, s := range due {
		if byPhone[s.Device] == nil {
			order = append(order, s.Device)
		}
		byPhone[s.Device] = append(byPhone[s.Device], s)
	}
	group, gctx := errgroup.WithContext(ctx)
	for _, device := range order {
		u := phones[device]
		if u == nil {
			u = &unit{fleet: f, name: device}
			phones[device] = u
		}
		events := byPhone[device]
		group.Go(func() error {
			if live { // at the pace of life, each at its own time
				for _, s := range events {
					if err := sleep(gctx, time.Until(s.Deliver)); err != nil {
						return err
					}
					if err := u.send(gctx, []Sent{s}); err != nil {
						return err
					}
				}
				return nil
			}
			return u.send(gctx, events)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	switch {
	case live:
		return sleep(ctx, time.Until(at.Add(slice)))
	case f.Speedup > 0:
		return sleep(ctx, time.Duration(float64(slice)/f.Speedup)-time.Since(start))
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// unit is one phone's connection.
type unit struct {
	fleet      Fleet
	name       string
	id, secret string
	broker     string
	client     mqtt.Client
}

// send publishes events until they are acknowledged, over as many connections as it takes.
func (u *unit) send(ctx context.Context, events []Sent) error {
	for len(events) > 0 {
		n := min(len(events), wire.MaxBatchEvents)
		b := wire.Batch{V: wire.Version}
		for _, s := range events[:n] {
			b.Events = append(b.Events, s.Event)
		}
		payload := b.Append(nil)
		for pause := 100 * time.Millisecond; ; pause = min(2*pause, longestPause) {
			err := u.publish(ctx, payload)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			level := slog.LevelDebug
			if pause >= longestPause {
				level = slog.LevelWarn
			}
			u.fleet.Log.Log(ctx, level, "a phone keeps its events and tries again", "device", u.name, "error", err)
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
		events = events[n:]
	}
	return nil
}

// publish sends one message and waits for its acknowledgement. Nothing reconnects by itself: a token that the library
// completes when it reconnects is no acknowledgement.
func (u *unit) publish(ctx context.Context, payload []byte) error {
	if u.id == "" {
		if err := u.enrol(ctx); err != nil {
			return err
		}
	}
	if u.client == nil || !u.client.IsConnectionOpen() {
		status := "streetpulse/v1/devices/" + u.id + "/status"
		u.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(u.broker).SetClientID(u.id).SetUsername(u.id).SetPassword(u.secret).
			SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true).SetConnectTimeout(10*time.Second).
			SetKeepAlive(2*time.Minute).SetWill(status, `{"online":false}`, 1, true))
		if err := done(ctx, u.client.Connect()); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		if err := done(ctx, u.client.Publish(status, 1, true, `{"online":true,"app":"streetpulse-sim","firmware":"1","queued":0}`)); err != nil {
			return fmt.Errorf("publish the status: %w", err)
		}
	}
	if err := done(ctx, u.client.Publish("streetpulse/v1/devices/"+u.id+"/events", 1, false, payload)); err != nil {
		u.client.Disconnect(0)
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

var errPatience = errors.New("no acknowledgement within 30 s")

func done(ctx context.Context, token mqtt.Token) error {
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-patience.C:
		return errPatience
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enrol gets the phone its name and secret.
func (u *unit) enrol(ctx context.Context) error {
	device, err := Enrol(ctx, u.fleet.Server, Enrolment{Name: u.name, App: "streetpulse-sim", Kind: "phone"})
	if err != nil {
		return err
	}
	u.id, u.secret, u.broker = device.ID, device.Secret, u.fleet.Broker
	if u.broker == "" {
		u.broker = device.MQTT.TCP
	}
	return nil
}

// close ends the connection, politely.
func (u *unit) close() {
	if u.client != nil {
		u.client.Disconnect(100)
	}
}
