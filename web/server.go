package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/text/language"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
	"github.com/streetpulse/streetpulse/ingest"
)

// Config is what a Server is made of. Pool is needed; the rest may be left out.
type Config struct {
	Pool           *pgxpool.Pool
	Network        func() *geo.Network // the streets as they are now; nil, or returning nil, where there are none
	Ingest         *ingest.Ingest      // takes events over HTTP; nil: they are answered with 503
	EnrolLimit     int                 // devices enrolled an hour and address; 0: no limit
	EnrolCodes     bool                // devices enrol with a code only
	PromiseDays    float64             // within how many days the city has promised to repair; 0: it has not
	LicenceName    string              // of open data; empty: CC BY 4.0
	LicenceURL     string
	LinksURL       string               // as links in mails name this server; empty: PublicURL
	ReportLimit    int                  // reports an hour and address, and as many requests to follow; 0: no limit
	VoteLimit      int                  // votes an hour and address; 0: no limit
	MQTT           string               // where devices find the broker, as tcp://host:port; empty: no broker of our own
	MQTTS          string               // where they find it over TLS, as ssl://host:port; empty: not
	WebSocket      http.Handler         // the broker over WebSocket, served at /mqtt; nil: not there
	BrokerChecks   http.Handler         // answers an external broker at /broker/; nil: not there
	SignOn         *access.SignOn       // another service that logs people in; nil: none
	City           string               // its name, as in "Road defects in Krems"; may be empty
	PublicURL      string               // as people reach this server, without a slash at the end; empty: as they ask
	TrustedProxies []netip.Prefix       // whose X-Forwarded-For is believed
	WebhookInside  []netip.Prefix       // networks that are not public and that webhooks may be in
	Suspected      crowd.Visibility     // what the public sees of suspected places; empty: crowd.Coarse
	Rules          crowd.Rules          // that places are judged by
	RetainDays     int                  // after which raw events are dropped, where nothing else is set; 0: never
	Registry       *prometheus.Registry // shown at /metrics; nil: not there
	Log            *slog.Logger         // nil: slog.Default
	Now            func() time.Time     // nil: time.Now
	PasswordCost   access.Cost          // zero: access.Usual
}

// Server is the web side of Streetpulse.
type Server struct {
	config      Config
	faces       map[string]*face // by language
	matcher     language.Matcher
	assets      *assets
	hub         *hub
	enrols      *hourly
	votes       *hourly
	owns        *hourly       // times that devices have asked for what is kept about them
	searching   chan struct{} // for what is kept about devices, at a time
	reports     quota
	follows     quota
	tries       *hourly // of reports, those that are not taken as well
	uploads     *bulk   // photos that are being sent with the form
	people      atomic.Pointer[peopleKey]
	photos      decoders                    // of residents
	cityPhotos  decoders                    // of crews and administrators
	origins     *http.CrossOriginProtection // keeps other sites' pages from acting for their visitors
	gate        *access.Gate
	credentials *ingest.Credentials
	explainer   *crowd.Explainer
	covered     atomic.Pointer[covered]
	ways        atomic.Pointer[wayed]
	figures     performances
	laid        laidDown
	gathered    gathered
	selections  selections
	drives      atomic.Pointer[driven]
	covers      sync.Mutex // one at a time makes covered
	count5      *prometheus.CounterVec
}

// New makes a server. It reads nothing from the database yet.
func New(c Config) (*Server, error) {
	if c.Pool == nil {
		return nil, errors.New("web: a database pool is needed")
	}
	if c.Suspected == "" {
		c.Suspected = crowd.Coarse
	}
	if _, err := crowd.ParseVisibility(string(c.Suspected)); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if c.Network == nil {
		c.Network = func() *geo.Network { return nil }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.PasswordCost == (access.Cost{}) {
		c.PasswordCost = access.Usual()
	}
	s := &Server{config: c, enrols: newHourly(c.EnrolLimit), votes: newHourly(c.VoteLimit), reports: newQuota(c.ReportLimit), follows: newQuota(c.ReportLimit), tries: newHourly(triesPerReport * c.ReportLimit), uploads: newBulk(mostUploads, mostUploadsEach), origins: http.NewCrossOriginProtection(), photos: make(decoders, 2), cityPhotos: make(decoders, 1),
		owns: newHourly(ownLimit), searching: make(chan struct{}, 1), credentials: ingest.NewCredentials(c.Pool, c.Now), gate: access.NewGate(c.Pool, c.Now, c.PasswordCost)}
	s.hub = newHub(s)
	s.count5 = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "streetpulse_http_responses_total", Help: "Answers over HTTP, by the hundreds of their status."}, []string{"status"})
	if c.Registry != nil {
		if err := c.Registry.Register(s.count5); err != nil {
			return nil, fmt.Errorf("web: register metrics: %w", err)
		}
	}
	var err error
	if s.explainer, err = crowd.NewExplainer(c.Pool, c.Rules); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.assets, err = openAssets(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.assets.empty() {
		c.Log.Warn("the web pages have no styles and no map: build them with make build")
	}
	if err = s.makeFaces(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return s, nil
}

// routes is a mux that remembers what is put on it, so that a test can ask who may open it.
type routes struct {
	*http.ServeMux
	patterns []string
}

// Handle puts a handler on the mux.
func (m *routes) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}

// HandleFunc puts a function on the mux.
func (m *routes) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// methods are those that something may stand under for.
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// allowed returns the methods that a mux takes at a path, beside what rest, its pattern for everything else, takes.
func allowed(mux *http.ServeMux, rest, path string) []string {
	var out []string
	for _, method := range methods() {
		if _, pattern := mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}}); pattern != "" && pattern != rest {
			out = append(out, method)
		}
	}
	return out
}

// elsewhere answers a request that no pattern but rest takes with where to go, if that is the same path without a slash at its end. Where
// the path takes other methods it says so in the header, as net/http does without such a pattern.
func elsewhere(mux *http.ServeMux, rest string, w http.ResponseWriter, r *http.Request) bool {
	path := strings.TrimRight(r.URL.Path, "/")
	if path != r.URL.Path && path != "" && len(allowed(mux, rest, path)) > 0 {
		http.Redirect(w, r, (&url.URL{Path: path, RawQuery: r.URL.RawQuery}).String(), http.StatusPermanentRedirect)
		return true
	}
	if others := allowed(mux, rest, r.URL.Path); len(others) > 0 {
		w.Header().Set("Allow", strings.Join(others, ", "))
	}
	return false
}

// Handler serves every address. The stream of changes flows while Run runs.
func (s *Server) Handler() http.Handler { return s.guard(s.readable(s.routes())) }

func (s *Server) routes() *routes {
	mux := &routes{ServeMux: http.NewServeMux()}
	page := func(pattern string, serve pageFunc) {
		mux.Handle(pattern, compressed(validated(s.orErrorPage(serve))))
	}
	page("GET /{$}", (*face).home)
	page("GET /panel", (*face).panel)
	page("GET /list", (*face).listPage)
	page("GET /places/{id}", (*face).placePage)
	page("GET /orders/{id}", (*face).orderPlace)
	page("GET /stats", (*face).statsPage)
	page("GET /stats/{file}", (*face).statsFile)
	page("GET /report", (*face).reportPage)
	page("POST /report", (*face).reportPost)
	page("GET /report/near", (*face).reportNear)
	page("GET /report/sent", (*face).reportSent)
	page("GET /report/photos/{draft}/{n}", (*face).draftPhoto)
	page("GET /reports/{token}", (*face).reportLink)
	page("POST /reports/{token}", (*face).reportConfirm)
	page("GET /reports/{token}/photos/{n}", (*face).reportPhoto)
	page("GET /drive", (*face).drivePage)
	page("GET /drive/manifest.webmanifest", (*face).driveManifest)
	page("GET /data", (*face).dataPage)
	page("GET /developers", (*face).developersPage)
	for _, name := range aboutPages() {
		page("GET /"+name, about(name))
	}
	page("GET /data/{file}", (*face).dataFile)
	page("GET /feeds/orders.atom", (*face).ordersFeed)
	page("GET /feeds/places/{file}", (*face).placeFeed)
	page("GET /feeds/orders/{file}", (*face).orderFeed)
	page("POST /places/{id}/follow", (*face).followPost)
	page("POST /orders/{id}/follow", (*face).followOrderPost)
	page("GET /follow/{token}", (*face).followLink)
	page("POST /follow/{token}", (*face).followAnswer)
	page("POST /places/{id}/votes", (*face).votePage)
	s.registerLogin(page)
	s.registerAdministration(page)
	s.registerConsole(page)
	s.registerCrew(page)
	s.registerSupervision(page)
	page("/", func(_ *face, w http.ResponseWriter, r *http.Request) error {
		if elsewhere(mux.ServeMux, "/", w, r) {
			return nil
		}
		if w.Header().Get("Allow") != "" {
			return errMethod
		}
		return errHidden
	})

	mux.Handle("GET /assets/", s.assets)
	mux.HandleFunc("GET "+driveAssets, s.driveFile)
	mux.HandleFunc("GET /drive/offline.js", s.driveOffline)
	mux.HandleFunc("GET /crew/offline.js", s.crewOffline)
	mux.HandleFunc("GET /look/{file}", s.lookFile)
	mux.Handle("GET /favicon.ico", http.HandlerFunc(s.favicon))
	mux.Handle("GET /tiles/{layer}/{z}/{x}/{y}", compressed(http.HandlerFunc(s.tile)))
	mux.Handle("GET /tiles/{layer}", compressed(validated(http.HandlerFunc(s.tileJSON))))
	s.registerAPI(mux)

	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.config.Registry != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.config.Registry, promhttp.HandlerOpts{}))
	}
	if s.config.WebSocket != nil {
		mux.Handle("GET /mqtt", s.config.WebSocket)
	}
	if s.config.BrokerChecks != nil {
		mux.Handle("POST /broker/", s.config.BrokerChecks)
	}
	return mux
}

// Run passes changes on from the database to open streams until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeping.Go(func() { s.keepSums(ctx) })
	return s.hub.run(ctx)
}

// Serve serves HTTP on l, and runs Run, until ctx ends; then it waits for the answers under way. Other listeners may
// be served beside it by ServeTLS.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := s.HTTPServer(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("changes are no longer passed on", "error", err)
		}
	})
	err := serving(ctx, server, func() error { return server.Serve(l) })
	stop()
	running.Wait()
	if err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// ServeTLS answers requests on another listener, HTTP/2 and HTTP/1.1 over TLS, until ctx ends. Changes are passed on while Serve
// runs.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener, config *tls.Config) error {
	server := s.HTTPServer(ctx)
	server.TLSConfig = config
	if err := serving(ctx, server, func() error { return server.ServeTLS(l, "", "") }); err != nil {
		return fmt.Errorf("serve HTTPS: %w", err)
	}
	return nil
}

// serving serves until ctx ends or serving fails, and then waits for the answers under way.
func serving(ctx context.Context, server *http.Server, serve func() error) error {
	ctx, stop := context.WithCancel(ctx)
	closed := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limit, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		closed <- server.Shutdown(limit)
	})
	err := serve()
	stop()
	if unfinished := <-closed; errors.Is(err, http.ErrServerClosed) {
		return unfinished
	}
	return err
}

// HTTPServer returns a server of Handler with time limits that keep slow clients from holding it; streams are exempt.
// Every request ends with ctx.
func (s *Server) HTTPServer(ctx context.Context) *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
}

// ready answers whether the database does, with the schema that this program needs.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, done := context.WithTimeout(r.Context(), 5*time.Second)
	defer done()
	var n int
	err := s.config.Pool.QueryRow(ctx, `select count(*) from (select 1 from orders o join places p on p.id = o.place limit 1) x`).Scan(&n)
	if err != nil {
		s.config.Log.Warn("not ready", "error", err)
		http.Error(w, "the database does not answer, or its schema is not up to date", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
