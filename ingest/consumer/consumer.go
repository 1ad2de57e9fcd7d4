package consumer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
)

// Options are what a Consumer is made of.
type Options struct {
	URL        string      // mqtt://, mqtts://, ws:// or wss://, with the user and password that the broker knows us by
	TLS        *tls.Config // for mqtts and wss; nil: the system's authorities
	Ingest     *ingest.Ingest
	Pool       *pgxpool.Pool
	Outcomes   broker.Outcomes       // nil: devices are not told what became of what they felt
	Detector   []byte                // the detector's parameters for phones, as their topic has them; nil: none
	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: no metrics
}

// How often the broker is tried again.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Consumer takes what devices publish at an external broker.
type Consumer struct {
	options     Options
	broker      *url.URL
	user        *url.Userinfo
	credentials *ingest.Credentials
	metrics     metrics
}

// New makes a consumer, which works while its Serve does. It fails where the URL cannot be a broker's.
func New(options Options) (*Consumer, error) {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	broker, user, err := ParseURL(options.URL)
	if err != nil {
		return nil, err
	}
	return &Consumer{options: options, broker: broker, user: user, credentials: ingest.NewCredentials(options.Pool, nil),
		metrics: newMetrics(options.Registerer)}, nil
}

// ParseURL returns where a broker is, and who we are there.
func ParseURL(text string) (*url.URL, *url.Userinfo, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, nil, errors.New("the external broker's URL cannot be read: it is mqtt://user:password@host:1883 or the like") // err holds the password
	}
	ports := map[string]string{"mqtt": "1883", "tcp": "1883", "mqtts": "8883", "ssl": "8883", "ws": "80", "wss": "443"}
	port, ok := ports[u.Scheme]
	if !ok || u.Hostname() == "" {
		return nil, nil, fmt.Errorf("%s is no broker: the URL is mqtt://, mqtts://, ws:// or wss:// and a host", u.Redacted())
	}
	if u.Port() == "" {
		u.Host += ":" + port
	}
	user := u.User
	u.User = nil
	return u, user, nil
}

// Address returns the broker's URL without user and password.
func (c *Consumer) Address() string { return c.broker.String() }

// DeviceAddress returns where devices find the broker of a URL, as tcp://host:port or ssl://host:port; "" where it is reached
// over WebSocket, which says nothing of where devices go.
func DeviceAddress(text string) (string, error) {
	u, _, err := ParseURL(text)
	if err != nil {
		return "", err
	}
	switch u.Scheme {
	case "mqtt", "tcp":
		return "tcp://" + u.Host, nil
	case "mqtts", "ssl":
		return "ssl://" + u.Host, nil
	}
	return "", nil
}

// Serve consumes until ctx ends, and returns nil. What is in hand then is finished and acknowledged. It survives outages
// of the broker and of the database: a message that is not stored is not acknowledged, and comes again with the next connection.
func (c *Consumer) Serve(ctx context.Context) error {
	for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
		began := time.Now()
		err := c.node(ctx)
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		c.pause(ctx, wait, err)
	}
	return nil
}

// pause waits before the next attempt, unless ctx has ended. Nodes that lost the same broker do not come back in step.
func (c *Consumer) pause(ctx context.Context, wait time.Duration, why error) {
	if ctx.Err() != nil {
		return
	}
	wait = wait/2 + rand.N(wait/2)
	c.options.Log.Warn("not consuming from the external broker; trying again", "broker", c.broker.Redacted(), "error", why, "in", wait.Round(time.Millisecond))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// metrics are the numbers of the consumer.
type metrics struct {
	messages, failed prometheus.Counter
	connected        prometheus.Gauge
}

func newMetrics(registerer prometheus.Registerer) metrics {
	m := metrics{
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_consumer_messages_total", Help: "Messages taken from the external broker and acknowledged to it."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_consumer_failed_total", Help: "Messages of the external broker that could not be stored; they come again."}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "streetpulse_consumer_sessions", Help: "Sessions open at the external broker: 1, and those of processes that died, while they are emptied."}),
	}
	if registerer != nil {
		registerer.MustRegister(m.messages, m.failed, m.connected)
	}
	return m
}
