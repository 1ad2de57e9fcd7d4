package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/ingest/topics"
)

const (
	group       = "$share/streetpulse/"
	lanes       = 64               // messages that are stored side by side; those of one device go one after the other
	laneRoom    = 4                // messages that wait in a lane; beyond it the broker waits
	answerWait  = 10 * time.Second // for the broker's answers
	keepAlive   = 20 * time.Second
	stopWait    = 15 * time.Second // for what is in hand when a session ends
	goodbyeWait = 250              // milliseconds for acknowledgements on their way out
)

// clientID is the identifier of a numbered session.
func clientID(number int) string { return fmt.Sprintf("streetpulse-ingest-%d", number) }

// session is one session at the broker, connected.
type session struct {
	consumer *Consumer
	number   int
	client   mqtt.Client
	seed     maphash.Seed
	lanes    [lanes]chan mqtt.Message
	working  sync.WaitGroup
	heard    atomic.Int64 // when a message came last, Unix nanoseconds

	ctx  context.Context // ends when the session does; its cause says why
	fail context.CancelCauseFunc
}

// connect opens a session and begins to take what the broker has kept for it. Nothing is subscribed to.
func (c *Consumer) connect(ctx context.Context, number int) (*session, error) {
	s := &session{consumer: c, number: number, seed: maphash.MakeSeed()}
	s.ctx, s.fail = context.WithCancelCause(ctx)
	for i := range s.lanes {
		s.lanes[i] = make(chan mqtt.Message, laneRoom)
		s.working.Go(func() { s.work(s.lanes[i]) })
	}
	s.heard.Store(time.Now().UnixNano())
	o := mqtt.NewClientOptions().AddBroker(c.broker.String()).SetClientID(clientID(number)).
		SetProtocolVersion(4).SetCleanSession(false).SetAutoAckDisabled(true).
		SetAutoReconnect(false).SetConnectRetry(false). // Serve does both: an acknowledgement after a reconnect would be ignored
		SetOrderMatters(true).                          // the handler only hands over, and where lanes are full the broker waits
		SetKeepAlive(keepAlive).SetPingTimeout(answerWait).SetConnectTimeout(answerWait).SetWriteTimeout(answerWait).
		SetDefaultPublishHandler(s.take). // without one a message would never be acknowledged
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.fail(fmt.Errorf("the connection is lost: %w", err)) })
	if c.options.TLS != nil {
		o.SetTLSConfig(c.options.TLS)
	}
	if c.user != nil {
		password, _ := c.user.Password()
		o.SetUsername(c.user.Username()).SetPassword(password)
	}
	s.client = mqtt.NewClient(o)
	if err := answered(s.client.Connect()); err != nil {
		s.fail(err)
		s.working.Wait()
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.metrics.connected.Inc()
	return s, nil
}

// answered waits for the broker's answer.
func answered(token mqtt.Token) error {
	if !token.WaitTimeout(answerWait) {
		return errors.New("the broker does not answer")
	}
	return token.Error()
}

// subscribe takes a share of what all devices publish.
func (s *session) subscribe() error {
	for _, filter := range topics.Up() {
		token := s.client.Subscribe(group+filter, 1, nil)
		if err := answered(token); err != nil {
			return fmt.Errorf("subscribe to %s%s: %w", group, filter, err)
		}
		if granted, ok := token.(*mqtt.SubscribeToken); ok {
			for _, code := range granted.Result() { // paho names them without the group
				if code != 1 {
					return fmt.Errorf("subscribe to %s%s: the broker answers %#x; see that it lets us, at QoS 1, and knows shared subscriptions",
						group, filter, code)
				}
			}
		}
	}
	return nil
}

// leave gives the session's share back: what was queued for it still comes, new messages go to others.
func (s *session) leave() error {
	var filters []string
	for _, filter := range topics.Up() {
		filters = append(filters, group+filter)
	}
	if err := answered(s.client.Unsubscribe(filters...)); err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// close ends the connection, and the session's use. Where nothing went wrong, what is in hand is stored and acknowledged before.
func (s *session) close() {
	s.fail(context.Canceled)
	s.working.Wait()
	s.client.Disconnect(goodbyeWait)
	s.consumer.metrics.connected.Dec()
}

// take hands a message to its device's lane. It is called with one message after the other.
func (s *session) take(_ mqtt.Client, m mqtt.Message) {
	s.heard.Store(time.Now().UnixNano())
	device, _, _ := topics.Split(m.Topic())
	select {
	case s.lanes[maphash.String(s.seed, device)%lanes] <- m:
	case <-s.ctx.Done(): // the broker has it still
	}
}

// work stores one message after the other until the session ends.
func (s *session) work(lane <-chan mqtt.Message) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case m := <-lane:
			// What has begun is finished, so that it need not come twice.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), stopWait)
			err := s.store(ctx, m)
			cancel()
			if err != nil {
				s.consumer.metrics.failed.Inc()
				s.fail(fmt.Errorf("a message is not stored: %w", err)) // the broker sends it again when we come back
				return
			}
			s.consumer.metrics.messages.Inc()
			m.Ack()
		}
	}
}

// store stores a message. An error means that it must not be acknowledged.
func (s *session) store(ctx context.Context, m mqtt.Message) error {
	c := s.consumer
	device, name, ok := topics.Split(m.Topic())
	if !ok || name != topics.Events && name != topics.Protobuf && name != topics.Status {
		return nil // a leftover of another subscription
	}
	err := c.credentials.Known(ctx, device)
	if errors.Is(err, ingest.ErrUnauthorized) {
		return c.options.Ingest.Refuse(ctx, device, m.Payload(), "mqtt", errors.New("the external broker let a device in that is unknown or revoked"))
	}
	if err != nil {
		return err
	}
	// Counted, and said of who is above a day's. Who waited here would hold up the other devices of its lane.
	pace := c.options.Ingest.Pace()
	pace.Delay(device, time.Now())
	var result ingest.Result
	switch name {
	case topics.Status:
		if err := ingest.SetStatus(ctx, c.options.Pool, ingest.Connection{Device: device}, m.Payload(), time.Now()); err != nil {
			return err
		}
		s.tell(ctx, device, m.Payload())
		return nil
	case topics.Protobuf:
		result, err = c.options.Ingest.SubmitProtobuf(ctx, device, m.Payload(), "mqtt")
	default:
		result, err = c.options.Ingest.Submit(ctx, device, m.Payload(), "mqtt")
	}
	if err != nil {
		return err
	}
	pace.Spend(device, max(1, result.Accepted+len(result.Rejected)), time.Now())
	if len(result.Rejected) > 0 {
		s.feedback(device, broker.Feedback{Accepted: result.Accepted, Rejected: result.Rejected})
	}
	return nil
}

// tell tells a device that says it is there what became of what it felt, and where something seems to be wrong with it. What fails is told
// when it says so again; and so are outcomes until it asks for them over HTTP: what it acknowledges, it acknowledges to its broker.
func (s *session) tell(ctx context.Context, device string, status []byte) {
	var said struct{ Online bool }
	if json.Unmarshal(status, &said) != nil || !said.Online {
		return
	}
	d, err := ingest.FindDevice(ctx, s.consumer.options.Pool, device, time.Now())
	if err != nil {
		s.consumer.options.Log.Debug("a device is not told how it is", "device", device, "error", err)
	} else if d.Health.Wrong() {
		s.feedback(device, broker.Feedback{Health: d.Health})
	}
	if s.consumer.options.Outcomes == nil {
		return
	}
	list, _, err := s.consumer.options.Outcomes.Untold(ctx, device)
	if err != nil {
		s.consumer.options.Log.Debug("a device is not told what became of what it felt", "device", device, "error", err)
	} else if len(list) > 0 {
		s.feedback(device, broker.Feedback{Outcomes: list})
	}
}

// feedback tells a device what became of its events. Nobody waits for the broker's answer: as over the embedded broker,
// feedback can be lost.
func (s *session) feedback(device string, f broker.Feedback) {
	payload, err := json.Marshal(f)
	if err == nil {
		token := s.client.Publish(topics.Device(device, topics.Feedback), 1, false, payload)
		select {
		case <-token.Done():
			err = token.Error()
		default:
		}
	}
	if err != nil {
		s.consumer.options.Log.Debug("feedback is lost", "device", device, "error", err)
	}
}

// publishDetector publishes what a kind of device is to use, retained, and waits until the broker has it.
func (s *session) publishDetector(profile string, payload []byte) error {
	if err := answered(s.client.Publish(topics.Detector(profile), 1, true, payload)); err != nil {
		return fmt.Errorf("publish the detector's parameters for %s: %w", profile, err)
	}
	return nil
}

// publishWatch publishes a region's list, retained, and waits until the broker has it.
func (s *session) publishWatch(region string, payload []byte) error {
	if err := answered(s.client.Publish(topics.Watch(region), 1, true, payload)); err != nil {
		return fmt.Errorf("publish the watch list of region %s: %w", region, err)
	}
	return nil
}
