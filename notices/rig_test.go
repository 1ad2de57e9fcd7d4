package notices_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/notices"
)

// patience is how long a test waits for what must come: it is long, because machines are busy.
const patience = 90 * time.Second

// until waits for a condition.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// deliverWith runs a courier until the test ends, or the returned function is called.
func deliverWith(t *testing.T, o notices.Options) (stop func()) {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Look = 20 * time.Millisecond
	if o.Wait == nil {
		o.Wait = func(int) time.Duration { return time.Millisecond }
	}
	c, err := notices.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, c)
}

// run has a courier work until the test ends, or the returned function is called.
func run(t *testing.T, c *notices.Courier) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// within runs something in a transaction.
func within(t *testing.T, pool *pgxpool.Pool, do func(tx pgx.Tx) error) {
	t.Helper()
	if err := pgx.BeginFunc(context.Background(), pool, do); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, pool *pgxpool.Pool, query string) (n int) {
	t.Helper()
	if err := pool.QueryRow(context.Background(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// office is a mail server that keeps what it gets.
type office struct {
	mu      sync.Mutex
	letters []string
	tries   int
	refuse  func(try int, to string) error // nil: it takes everything
}

type counter struct {
	office *office
	to     string
}

func (o *office) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{office: o}, nil }
func (c *counter) Mail(string, *smtp.MailOptions) error       { return nil }
func (c *counter) Reset()                                     {}
func (c *counter) Logout() error                              { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.to = to
	c.office.tries++
	if c.office.refuse != nil {
		return c.office.refuse(c.office.tries, to)
	}
	return nil
}

func (c *counter) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.letters = append(c.office.letters, string(b))
	return nil
}

func (o *office) got() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.letters...)
}

func (o *office) set(refuse func(try int, to string) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries, o.refuse = 0, refuse
}

func openOffice(t *testing.T) (*office, string) {
	t.Helper()
	o := &office{}
	server := smtp.NewServer(o)
	server.Domain, server.AllowInsecureAuth = "localhost", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return o, "smtp://" + l.Addr().String()
}

// received is what came to a receiver.
type received struct {
	id, body string
	head     http.Header
}

// receiver is another program that is told things.
type receiver struct {
	mu     sync.Mutex
	list   []received
	answer func(w http.ResponseWriter, r *http.Request, n int) // n counts from 1; nil: 204
	url    string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	r.list = append(r.list, received{request.Header.Get("webhook-id"), string(body), request.Header.Clone()})
	n, answer := len(r.list), r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, request, n)
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received{}, r.list...)
}

func (r *receiver) set(answer func(w http.ResponseWriter, r *http.Request, n int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func openReceiver(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	s := httptest.NewServer(r)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	r.url = s.URL
	return r
}

// register makes a webhook and returns it with its secret.
func register(t *testing.T, pool *pgxpool.Pool, url string, kinds ...notices.Kind) (w notices.Webhook, secret string) {
	t.Helper()
	within(t, pool, func(tx pgx.Tx) (err error) {
		w, secret, err = notices.AddWebhook(context.Background(), tx, notices.Webhook{URL: url, Name: "asset system", Kinds: kinds}, loopback(), time.Now())
		return err
	})
	return w, secret
}

// happens tells of something.
func happens(t *testing.T, pool *pgxpool.Pool, kind notices.Kind, number string) {
	t.Helper()
	within(t, pool, func(tx pgx.Tx) error {
		return notices.Tell(context.Background(), tx, notices.Happening{Kind: kind, At: time.Now(), Data: map[string]string{"number": number}})
	})
}

// last returns the newest delivery to a webhook.
func last(t *testing.T, pool *pgxpool.Pool, webhook string) notices.Delivery {
	t.Helper()
	list, err := notices.Deliveries(context.Background(), pool, webhook, "", 1)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d deliveries; %v", len(list), err)
	}
	return list[0]
}
