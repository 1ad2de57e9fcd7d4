package dispatch_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

// office is a mail server that keeps what it gets.
type office struct {
	mu      sync.Mutex
	letters []string
	refuse  bool
}

type counter struct {
	office *office
	to     string
}

func (o *office) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{office: o}, nil }
func (c *counter) Mail(string, *smtp.MailOptions) error       { return nil }
func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error  { c.to = to; return nil }
func (c *counter) Reset()                                     {}
func (c *counter) Logout() error                              { return nil }
func (c *counter) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	if c.office.refuse {
		return errors.New("not today")
	}
	c.office.letters = append(c.office.letters, string(b))
	return nil
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

func TestMailsAreSent(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	o, address := openOffice(t)
	now := at(9)
	p := &dispatch.Postman{Pool: pool, Server: address, From: "Straßenamt <roads@krems.example>", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: func() time.Time { return now }}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	post := func(to string) {
		t.Helper()
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return dispatch.Post(ctx, tx, dispatch.Mail{To: to, Subject: "Ihre Meldung: Ringstraße", Body: "Schlagloch.\nhttps://krems.example/report/x"}, now)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send := func(want int) {
		t.Helper()
		if n, err := p.Send(ctx); err != nil || n != want {
			t.Errorf("%d were sent, want %d; %v", n, want, err)
		}
	}
	post("anna@example.org")
	p.Server = ""
	send(0) // nobody to send it: it waits
	p.Server = address
	o.refuse = true
	send(0)
	send(0) // not due again so soon
	o.refuse, now = false, now.Add(2*time.Minute)
	send(1)
	send(0)
	m, err := mail.ReadMessage(strings.NewReader(o.letters[0]))
	if err != nil || m.Header.Get("To") != "<anna@example.org>" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v %v", m, err)
	}
	post("not an address")
	send(0)
	var kept string
	if err := pool.QueryRow(ctx, `select string_agg(recipient || body, '') from mails where sent_at is not null`).Scan(&kept); err != nil || kept != "" {
		t.Errorf("kept of what was sent: %q %v", kept, err)
	}
	for range 12 { // it is given up
		now = now.Add(7 * time.Hour)
		send(0)
	}
	var left int
	if err := pool.QueryRow(ctx, `select count(*) from mails where recipient <> ''`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d mails are tried for ever; %v", left, err)
	}
	for _, wrong := range []string{"localhost", "http://localhost", "smtp://:25"} {
		if (&dispatch.Postman{Server: wrong, From: "a@b.example"}).Check() == nil {
			t.Errorf("%q is taken for a mail server", wrong)
		}
	}
}
