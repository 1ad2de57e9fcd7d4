package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/broker"
	"github.com/streetpulse/streetpulse/ingest/certificate"
	"github.com/streetpulse/streetpulse/ingest/consumer"
	"github.com/streetpulse/streetpulse/notices"
	"github.com/streetpulse/streetpulse/postgres"
	"github.com/streetpulse/streetpulse/web"
)

// Roles that a process can play; by default it plays all.
const (
	roleIngest = "ingest" // takes events in, over MQTT and HTTP
	roleCrowd  = "crowd"  // judges them
	roleWeb    = "web"    // shows what is known
	roleJobs   = "jobs"   // slow work: the weekly figures, mails
)

type serveCommand struct {
	store
	cityFlags
	costFlags
	HTTP           string           `name:"http" default:"127.0.0.1:8080" help:"Address of the pages and the API." placeholder:"ADDR"`
	MQTT           string           `name:"mqtt" default:"127.0.0.1:1883" help:"Address of the embedded MQTT broker; empty: TLS and WebSocket only." placeholder:"ADDR"`
	HTTPS          string           `name:"https" help:"Address of the pages and the API over TLS." placeholder:"ADDR"`
	MQTTS          string           `name:"mqtts" help:"Address of the embedded MQTT broker over TLS." placeholder:"ADDR"`
	TLSCert        string           `name:"tls-cert" help:"Certificate with its chain, PEM. Read again when the file changes, and on SIGHUP." placeholder:"FILE"`
	TLSKey         string           `name:"tls-key" help:"Its key, PEM." placeholder:"FILE"`
	Broker         string           `help:"Consume from this external MQTT broker instead, and embed none: mqtt://user:password@host, or mqtts, ws, wss." placeholder:"URL"`
	PublicURL      string           `name:"public-url" help:"How people reach this server." placeholder:"URL"`
	PublicMQTT     string           `name:"public-mqtt" help:"How devices reach the MQTT broker, where that is not as it is listened on: mqtt:// or mqtts:// and a host." placeholder:"URL"`
	TrustedProxies []netip.Prefix   `help:"Proxies whose X-Forwarded-For is believed." placeholder:"CIDR,…"`
	Roles          []string         `default:"ingest,crowd,web,jobs" enum:"ingest,crowd,web,jobs" help:"What this process does: ${enum}."`
	Suspected      crowd.Visibility `default:"coarse" enum:"no,coarse,yes" help:"What the public sees of suspected places: ${enum}."`
	DeviceRate     int              `default:"600" help:"Events a minute that one device may send before it is read more slowly; 0: no limit." placeholder:"N"`
	DeviceDay      int              `default:"50000" help:"Events a day that one device may send before it is read slowly for the rest of it; 0, or --device-rate 0: no limit." placeholder:"N"`
	EnrolLimit     int              `default:"600" help:"Devices that one address may enrol in an hour; 0: no limit." placeholder:"N"`
	EnrolCodes     bool             `help:"Devices enrol with a code of their fleet only; see device code. The drive page can enrol nobody then."`
	RetainDays     int              `default:"90" help:"Days after which events are dropped, once judged, and devices are forgotten at places; 0: never." placeholder:"N"`
	PromiseDays    float64          `help:"Within how many days the city promises to repair, as the performance page holds it to; 0: no promise." placeholder:"DAYS"`
	ReportLimit    int              `default:"30" help:"Reports that one address may send in an hour; 0: no limit." placeholder:"N"`
	LicenceName    string           `help:"Licence of the open data; CC BY 4.0 by default." placeholder:"NAME"`
	LicenceURL     string           `name:"licence-url" help:"Where that licence stands." placeholder:"URL"`
	SMTP           string           `name:"smtp" help:"Mail server, as smtp://user:password@host:port, or smtps:// for TLS from the start. Without one mails wait in the table mails; with --demo they are logged with their links." placeholder:"URL"`
	MailFrom       string           `help:"Sender of mails." placeholder:"ADDRESS"`
	WebhookNets    []netip.Prefix   `name:"webhook-networks" help:"Networks that are not public and that webhooks may be in all the same." placeholder:"CIDR,…"`
	VoteLimit      int              `default:"60" help:"Votes on places that one address may cast in an hour; 0: no limit." placeholder:"N"`
	signOnFlags
	WatchPerKM    float64 `name:"watch-per-km" default:"6" help:"Most positions per kilometre of street that passing devices are asked about; 0: none." placeholder:"N"`
	PhoneDetector string  `help:"The detector's parameters for phones (JSON), which they are sent when they connect; by default the standard ones." placeholder:"FILE"`
	Demo          bool    `help:"Drive a simulated town through the broker. It begins days in the past, catches up with now and goes on."`
}

func (c serveCommand) plays(role string) bool { return slices.Contains(c.Roles, role) }

// check returns what is wrong with the flags, as errUsage.
func (c serveCommand) check() error {
	if (c.HTTPS != "" || c.MQTTS != "") && (c.TLSCert == "" || c.TLSKey == "") {
		return fmt.Errorf("%w: --https and --mqtts need --tls-cert and --tls-key", errUsage)
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("%w: --public-url is http:// or https:// and a host", errUsage)
		}
	}
	if address, err := consumer.DeviceAddress(c.PublicMQTT); c.PublicMQTT != "" && (err != nil || address == "") {
		return fmt.Errorf("%w: --public-mqtt is mqtt:// or mqtts:// and a host", errUsage)
	}
	if err := c.checkSignOn(c.PublicURL); err != nil {
		return err
	}
	if c.Demo && c.MQTT == "" {
		return fmt.Errorf("%w: --demo drives over --mqtt", errUsage)
	}
	if c.Broker == "" {
		return nil
	}
	if c.MQTTS != "" {
		return fmt.Errorf("%w: --mqtts is of the embedded broker, and with --broker there is none", errUsage)
	}
	if _, _, err := consumer.ParseURL(c.Broker); err != nil {
		return fmt.Errorf("%w: --broker: %w", errUsage, err)
	}
	if c.Demo {
		return fmt.Errorf("%w: --demo drives through the embedded broker, and with --broker there is none", errUsage)
	}
	return nil
}

// Run serves until ctx ends. Parts stop in the order in which events flow, so that what was acknowledged is stored and
// what is stored will be judged.
func (c serveCommand) Run(ctx context.Context, o output) (err error) {
	started := time.Now()
	if err := c.check(); err != nil {
		return err
	}
	if c.Database == "" {
		unlock, err := postgres.Lock(c.Data)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	if c.DeviceRate == 0 {
		c.DeviceDay = 0 // who sets no rate, as for a test under load, wants no limit at all
	}
	password := "" // of the demonstration's people
	if c.Demo {
		c.EnrolLimit = 0 // the whole town enrols from one address
		c.DeviceDay = 0  // and drives for days in minutes
		if c.City == "" {
			c.City = demoCity
		}
		if c.PromiseDays == 0 {
			c.PromiseDays = demoPromiseDays
		}
		if err := importDemoStreets(ctx, db.Pool); err != nil {
			return err
		}
		if password, err = demoPeople(ctx, db.Pool, c.Data); err != nil {
			return err
		}
	}
	network, err := loadNetwork(ctx, db.Pool)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	clock, err := c.clock(ctx, db)
	if err != nil {
		return err
	}
	p := parts{c: c, db: db, log: o.log, out: o.out, clock: clock, network: network, registry: registry, password: password}
	if err := p.make(); err != nil {
		return err
	}
	return p.run(ctx, started)
}

// clock is the clock of decisions: the wall's, or in the demonstration town that of its cars until they have caught up.
func (c serveCommand) clock(ctx context.Context, db *postgres.Database) (ingest.Clock, error) {
	if !c.Demo {
		return ingest.Wall{}, nil
	}
	var last *time.Time
	if err := db.Pool.QueryRow(ctx, `select max(received) from events`).Scan(&last); err != nil {
		return nil, fmt.Errorf("read the demonstration town's clock: %w", err)
	}
	clock := &ingest.Catchup{Follow: true}
	if last != nil {
		clock.Start(*last)
	}
	return clock, nil
}

// parts are the pieces of a serving process.
type parts struct {
	c        serveCommand
	db       *postgres.Database
	log      *slog.Logger
	out      io.Writer
	clock    ingest.Clock
	network  *geo.Network
	registry *prometheus.Registry
	password string // of the demonstration's people; empty: there are none

	writer *ingest.Writer
	in     *ingest.Ingest
	broker *broker.Broker     // nil with an external one
	remote *consumer.Consumer // nil without
	engine *crowd.Engine
	watch  *crowd.Watch
	post   *notices.Courier
	web    *web.Server
	http   net.Listener
	https  net.Listener             // nil without --https
	cert   *certificate.Certificate // nil without --tls-cert
}

// makeIngest makes what takes events in, and returns nil where this process does not.
func (p *parts) makeIngest() (in *ingest.Ingest, err error) {
	if !p.c.plays(roleIngest) {
		return nil, nil
	}
	p.writer = ingest.NewWriter(p.db.Pool, ingest.WriterOptions{Log: p.log, Registerer: p.registry})
	p.in = ingest.New(p.db.Pool, p.writer, p.clock, ingest.Options{Log: p.log, Registerer: p.registry, DeviceRate: p.c.DeviceRate, DeviceDay: p.c.DeviceDay})
	in = p.in
	phone, err := detectorParameters(p.c.PhoneDetector)
	if err != nil {
		return nil, err
	}
	if p.c.Broker != "" {
		p.remote, err = consumer.New(consumer.Options{URL: p.c.Broker, Ingest: in, Pool: p.db.Pool, Outcomes: outcomes{p.db.Pool}, Detector: phone, Log: p.log, Registerer: p.registry})
		return in, err
	}
	o := broker.Options{
		TCPAddr: p.c.MQTT, TLSAddr: p.c.MQTTS, Ingest: in, Pool: p.db.Pool, Log: p.log, Registerer: p.registry}
	if p.cert != nil {
		o.TLS = p.cert.Config()
	}
	o.Outcomes, o.Detector = outcomes{p.db.Pool}, phone
	p.broker, err = broker.New(o)
	return in, err
}

func (p *parts) make() error {
	var err error
	if p.c.TLSCert != "" {
		if p.cert, err = certificate.Open(p.c.TLSCert, p.c.TLSKey, p.log); err != nil {
			return err
		}
	}
	in, err := p.makeIngest()
	if err != nil {
		return err
	}
	if p.c.plays(roleCrowd) {
		p.engine, err = crowd.NewEngine(p.db.Pool, crowd.Config{
			Rules: p.c.rules(), RulesNow: func(ctx context.Context, tx pgx.Tx) (crowd.Rules, error) { return p.c.rulesNow(ctx, tx) }, Confirmed: p.c.office(p.network).Promote, Verified: dispatch.Verify, Reopened: dispatch.Reopen,
			Log: p.log, Metrics: p.registry,
		})
		if err != nil {
			return err
		}
		asked := crowd.WatchOptions{PerKM: p.c.WatchPerKM, Log: p.log}
		if asked.PerKM <= 0 {
			asked.PerKM = -1
		}
		p.watch = crowd.NewWatch(p.db.Pool, p.network, asked)
	}
	if !p.c.plays(roleWeb) && !p.c.plays(roleJobs) {
		return nil
	}
	config := web.Config{
		Pool: p.db.Pool, Network: func() *geo.Network { return p.network }, EnrolLimit: p.c.EnrolLimit, EnrolCodes: p.c.EnrolCodes, VoteLimit: p.c.VoteLimit,
		ReportLimit: p.c.ReportLimit, LicenceName: p.c.LicenceName, LicenceURL: p.c.LicenceURL, PromiseDays: p.c.PromiseDays, City: p.c.City,
		PublicURL: strings.TrimSuffix(p.c.PublicURL, "/"), TrustedProxies: p.c.TrustedProxies, WebhookInside: p.c.WebhookNets, Suspected: p.c.Suspected, Rules: p.c.rules(), RetainDays: p.c.RetainDays,
		Registry: p.registry, Log: p.log,
	}
	config.Ingest = in
	if p.broker != nil {
		config.WebSocket = p.broker.WebSocket()
		config.MQTT, config.MQTTS = p.brokerAddresses()
	}
	if p.c.Broker != "" {
		if config.BrokerChecks, err = consumer.Checks(p.db.Pool, p.c.Broker); err != nil {
			return err
		}
		if config.MQTT, err = consumer.DeviceAddress(p.c.Broker); err != nil {
			return err
		}
	}
	if p.c.PublicMQTT != "" {
		if config.MQTT, err = consumer.DeviceAddress(p.c.PublicMQTT); err != nil {
			return err
		}
		config.MQTTS = config.MQTT
	}
	if config.LinksURL = config.PublicURL; config.LinksURL == "" {
		config.LinksURL = "http://" + p.c.HTTP
	}
	if config.SignOn, err = p.c.signOn(config.LinksURL); err != nil {
		return err
	}
	if p.web, err = web.New(config); err != nil {
		return err
	}
	if err := p.makeCourier(); err != nil {
		return err
	}
	if !p.c.plays(roleWeb) {
		return nil
	}
	if p.http, err = net.Listen("tcp", p.c.HTTP); err != nil {
		return fmt.Errorf("listen for HTTP: %w; name another address with --http", err)
	}
	if p.c.HTTPS != "" {
		if p.https, err = net.Listen("tcp", p.c.HTTPS); err != nil {
			return fmt.Errorf("listen for HTTPS: %w; name another address with --https", err)
		}
	}
	return nil
}

// makeCourier makes what sends mails and tells webhooks, where this process does.
func (p *parts) makeCourier() (err error) {
	if !p.c.plays(roleJobs) {
		return nil
	}
	if p.c.SMTP != "" && p.c.PublicURL == "" {
		return errors.New("--smtp needs --public-url: the links in mails begin with it")
	}
	p.post, err = notices.New(notices.Options{Pool: p.db.Pool, Server: p.c.SMTP, From: p.c.MailFrom, Inside: p.c.WebhookNets, Show: p.c.Demo, Workers: p.web.AddWorkers,
		Registerer: p.registry, Log: p.log})
	if err != nil {
		return fmt.Errorf("--smtp, --mail-from: %w", err)
	}
	if p.c.SMTP == "" && !p.c.Demo {
		p.log.Warn("no mail leaves this server: without --smtp nobody can confirm a report, follow a place or make an account; mails wait in the table mails")
	}
	return nil
}

func (p *parts) run(ctx context.Context, started time.Time) error {
	// Each part has a context of its own: they end one after the other.
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	group, ctx := errgroup.WithContext(ctx)
	var wake <-chan struct{}
	if p.writer != nil {
		wake = p.writer.Wake()
		group.Go(func() error { return p.writer.Run(writing) })
		group.Go(func() error { return p.in.KeepHabits(writing) })
		group.Go(func() error {
			defer stopWriting()
			if p.remote != nil {
				return p.remote.Serve(ctx)
			}
			return p.broker.Serve(ctx)
		})
	}
	if p.engine != nil {
		group.Go(func() error {
			rules, err := p.c.rulesNow(ctx, p.db.Pool)
			if err != nil {
				return stopped(ctx, err)
			}
			if err := upgrade(ctx, p.db, rules, p.log); err != nil {
				return err
			}
			return p.engine.Work(ctx, p.clock.Now, wake)
		})
		group.Go(func() error { return p.watch.Work(ctx, p.clock.Now) })
		upkeep := crowd.Upkeep{Pool: p.db.Pool, Days: p.c.RetainDays, DaysNow: p.retainDays, Log: p.log}
		group.Go(func() error { return upkeep.Work(ctx, p.clock.Now) })
	}
	if p.c.plays(roleJobs) {
		group.Go(func() error { return dispatch.KeepFigures(ctx, p.db.Pool, p.log) })
		group.Go(func() error { return dispatch.KeepClocks(ctx, p.db.Pool, p.clock.Now, p.log) })
		group.Go(func() error { return p.post.Run(ctx) })
		group.Go(func() error { return p.web.Work(ctx) })
	}
	if p.http != nil {
		group.Go(func() error { return p.web.Serve(ctx, p.http) })
	}
	if p.https != nil {
		group.Go(func() error { return p.web.ServeTLS(ctx, p.https, p.cert.Config()) })
	}
	if p.cert != nil {
		group.Go(func() error { return reloadOnHangup(ctx, p.cert, p.log) })
	}
	p.announce(time.Since(started))
	if p.c.Demo && p.http != nil && p.broker != nil {
		group.Go(func() error { return p.demonstrate(ctx) })
	}
	err := group.Wait()
	p.log.Info("stopped")
	return err
}

// retainDays is after how many days events are dropped: as an administrator has set, else as the flag says.
func (p *parts) retainDays(ctx context.Context) (int, error) {
	set, err := city.Load(ctx, p.db.Pool)
	if err != nil || set.RetainDays == nil {
		return p.c.RetainDays, err
	}
	return *set.RetainDays, nil
}

// brokerAddresses returns where the embedded broker is, for plain connections and for TLS; empty: it is not.
func (p *parts) brokerAddresses() (plain, secure string) {
	if p.c.MQTT != "" {
		plain = "tcp://" + p.broker.TCPAddr().String()
	}
	if p.c.MQTTS != "" {
		secure = "ssl://" + p.broker.TLSAddr().String()
	}
	return plain, secure
}

// announce prints where everything is.
func (p *parts) announce(took time.Duration) {
	if p.http != nil {
		fmt.Fprintf(p.out, "map   http://%s/\n", p.http.Addr())
	}
	if p.https != nil {
		fmt.Fprintf(p.out, "      https://%s/\n", p.https.Addr())
	}
	if p.broker != nil && p.c.MQTT != "" {
		fmt.Fprintf(p.out, "MQTT  mqtt://%s\n", p.broker.TCPAddr())
	}
	if p.broker != nil && p.c.MQTTS != "" {
		fmt.Fprintf(p.out, "      mqtts://%s\n", p.broker.TLSAddr())
	}
	if p.remote != nil {
		fmt.Fprintf(p.out, "MQTT  from %s\n", p.remote.Address())
	}
	if p.http != nil && p.broker != nil {
		fmt.Fprintf(p.out, "      ws://%s/mqtt\n", p.http.Addr())
	}
	if p.http != nil && p.password != "" {
		fmt.Fprintf(p.out, "login http://%s/login\n", p.http.Addr())
		for _, role := range access.Roles()[1:] {
			fmt.Fprintf(p.out, "      %-38s %s\n", demoEmail(role), p.password)
		}
	}
	if p.c.Demo && p.post != nil && p.c.SMTP == "" {
		fmt.Fprintln(p.out, "mails are not sent: each is logged here with its links, for you to open")
	}
	p.log.Info("ready", "took", took.Round(time.Millisecond), "roles", strings.Join(p.c.Roles, ","))
}

// upgrade brings what another version has stored into this one's form.
func upgrade(ctx context.Context, db *postgres.Database, rules crowd.Rules, log *slog.Logger) error {
	out, done, err := crowd.Upgrade(ctx, db.Pool, rules)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it is being stopped, and begins again with the next start
	}
	if err != nil {
		return fmt.Errorf("bring what is stored into this version's form: %w", err)
	}
	if done {
		log.Info("computed every place again: another version had stored them", "judged", out.Judged, "places", out.Places, "different", out.Different)
	}
	return nil
}
