package notices_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/notices"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func post(t *testing.T, pool *pgxpool.Pool, to string) {
	t.Helper()
	within(t, pool, func(tx pgx.Tx) error {
		return notices.Post(context.Background(), tx, notices.Mail{To: to, Subject: "Ihre Meldung: Ringstraße", Body: "Schlagloch.\nhttps://krems.example/report/x", Stop: "https://krems.example/follow/x"}, time.Now())
	})
}

const sender = "Straßenamt <roads@krems.example>"

// later is what a mail server says that cannot take a mail now.
func later(int, string) error { return &smtp.SMTPError{Code: 451, Message: "not today"} }

// TestMailsAreSent sends mails to a server that refuses them at first, for good, and for ever.
func TestMailsAreSent(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	o, address := openOffice(t)
	o.set(func(try int, to string) error {
		if try < 3 {
			return later(try, to)
		}
		return nil
	})
	waiting := func() int {
		return number(t, pool, `select count(*) from mails where sent_at is null and given_up_at is null`)
	}
	if _, err := pool.Exec(ctx, `insert into mails (recipient, subject, body, created_at) values ('ben@example.org', 'Of an earlier version', 'Text', now())`); err != nil {
		t.Fatal(err)
	}
	post(t, pool, "anna@example.org")
	stop := deliverWith(t, notices.Options{Pool: pool}) // nobody to send it: they wait
	until(t, "the earlier version's mail has a job", func() bool { return number(t, pool, `select count(*) from mails where job is not null`) == 2 })
	stop()
	if waiting() != 2 {
		t.Error("mails do not wait for a mail server")
	}
	deliverWith(t, notices.Options{Pool: pool, Server: address, From: sender})
	until(t, "both are sent", func() bool { return waiting() == 0 })
	if got := o.got(); len(got) != 2 {
		t.Fatalf("%d letters", len(got))
	}
	for _, text := range o.got() {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("To") != "<anna@example.org>" {
			continue
		}
		if h := m.Header; h.Get("Auto-Submitted") != "auto-generated" || h.Get("List-Unsubscribe") != "<https://krems.example/follow/x>" || !strings.HasSuffix(h.Get("Message-ID"), "@krems.example>") {
			t.Errorf("%v", h)
		}
	}
	var kept string
	if err := pool.QueryRow(ctx, `select string_agg(recipient || body || error || stop, '') from mails`).Scan(&kept); err != nil || kept != "" {
		t.Errorf("kept of what was sent: %q %v", kept, err)
	}

	post(t, pool, "not an address")
	o.set(func(int, string) error { return &smtp.SMTPError{Code: 550, Message: "no such mailbox"} })
	post(t, pool, "gone@example.org")
	until(t, "those are given up that make no sense", func() bool { return waiting() == 0 })
	o.set(later)
	post(t, pool, "busy@example.org")
	until(t, "it is given up", func() bool { return waiting() == 0 })
	dead, err := notices.DeadMails(ctx, pool, 10)
	if err != nil || len(dead) != 3 || dead[0].To != "busy@example.org" || dead[0].Tries != 17 || !strings.Contains(dead[0].Error, "not today") || dead[1].Tries != 1 || dead[2].Tries != 1 {
		t.Fatalf("dead letters: %+v %v", dead, err)
	}
	if n := number(t, pool, `select count(*) from river_job where args::text || errors::text like '%example.org%'`); n != 0 {
		t.Errorf("%d jobs name addresses", n)
	}
	o.set(nil)
	within(t, pool, func(tx pgx.Tx) error { return notices.SendMailAgain(ctx, tx, dead[0].ID) })
	until(t, "it is sent by hand", func() bool { return len(o.got()) == 3 && waiting() == 0 })
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return notices.SendMailAgain(ctx, tx, dead[0].ID) })
	if err == nil {
		t.Error("what was sent is sent again")
	}
}

// TestManyMailsGoOnce has two couriers send what is posted while they run, by people who sometimes think better of it.
func TestManyMailsGoOnce(t *testing.T) {
	t.Parallel()
	ctx, pool := context.Background(), postgrestest.New(t)
	o, address := openOffice(t)
	for range 2 {
		deliverWith(t, notices.Options{Pool: pool, Server: address, From: sender})
	}
	const n = 40
	for i := range n {
		post(t, pool, fmt.Sprintf("anna%d@example.org", i))
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if err := notices.Post(ctx, tx, notices.Mail{To: "nobody@example.org", Subject: "It did not happen", Body: "Text"}, time.Now()); err != nil {
				t.Error(err)
			}
			return context.Canceled
		})
		if err == nil {
			t.Fatal("it was committed")
		}
	}
	until(t, "all are sent", func() bool { return number(t, pool, `select count(*) from mails where sent_at is not null`) == n })
	once := map[string]bool{}
	for _, text := range o.got() {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if to := m.Header.Get("To"); once[to] || strings.Contains(to, "nobody") {
			t.Errorf("%s has got it twice, or should not have", to)
		} else {
			once[to] = true
		}
	}
	if len(once) != n {
		t.Errorf("%d have got it, want %d", len(once), n)
	}
}

func TestWrongMailServers(t *testing.T) {
	t.Parallel()
	for server, from := range map[string]string{"localhost": "a@b.example", "http://localhost": "a@b.example", "smtp://:25": "a@b.example", "smtp://localhost": "", "smtp://localhost:x": "nobody"} {
		if _, err := notices.New(notices.Options{Pool: new(pgxpool.Pool), Server: server, From: from}); err == nil {
			t.Errorf("%q and %q are taken for a mail server and a sender", server, from)
		}
	}
}

// TestADemonstrationShowsItsMails logs whom a mail is for, what about and its links, where a courier is told to; and never else.
func TestADemonstrationShowsItsMails(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	var text written
	post(t, pool, "anna@example.org")
	c, err := notices.New(notices.Options{Pool: pool, Show: true, Look: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&text, nil))})
	if err != nil {
		t.Fatal(err)
	}
	run(t, c)
	until(t, "it is shown", func() bool { return number(t, pool, `select count(*) from mails where sent_at is null`) == 0 })
	for _, want := range []string{"level=INFO", "to=anna@example.org", "Ihre Meldung: Ringstraße", "links=https://krems.example/report/x"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, text.String())
		}
	}

	quiet := postgrestest.New(t)
	var nothing written
	post(t, quiet, "anna@example.org")
	if c, err = notices.New(notices.Options{Pool: quiet, Look: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&nothing, nil))}); err != nil {
		t.Fatal(err)
	}
	run(t, c)
	until(t, "it says that they wait", func() bool { return strings.Contains(nothing.String(), "no --smtp") })
	if s := nothing.String(); strings.Contains(s, "anna") || strings.Contains(s, "https://") {
		t.Errorf("the log of a server that is no demonstration tells of the mail:\n%s", s)
	}
	if n := number(t, quiet, `select count(*) from mails where sent_at is null and body <> ''`); n != 1 {
		t.Errorf("%d mails wait, want 1", n)
	}
}

// written is a log that is read while it is written.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
