package access_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

const password = "a lamp in every street"

// house is a gate on a database of its own, at a time that tests set.
type house struct {
	t    *testing.T
	pool *pgxpool.Pool
	gate *access.Gate
	now  time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, pool: postgrestest.New(t), now: time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC)}
	h.gate = access.NewGate(h.pool, func() time.Time { return h.now }, access.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}) // the tests guess many
	return h
}

func (h *house) in(do func(context.Context, pgx.Tx) error) error {
	return pgx.BeginFunc(context.Background(), h.pool, func(tx pgx.Tx) error { return do(context.Background(), tx) })
}

// add adds a person with the tests' password.
func (h *house) add(email string, r access.Role) (p access.Person) {
	h.t.Helper()
	err := h.in(func(ctx context.Context, tx pgx.Tx) (err error) {
		p, err = access.Add(ctx, tx, "", access.Person{Email: email, Role: r}, h.now)
		return err
	})
	if err == nil {
		err = h.gate.SetPassword(context.Background(), p, password, "")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) logIn(email, password, from string) (string, error) {
	_, token, err := h.gate.LogIn(context.Background(), access.Login{Email: email, Password: password, From: []byte(from), Agent: "test"})
	return token, err
}

func (h *house) opens(token string) bool {
	h.t.Helper()
	_, _, err := h.gate.Who(context.Background(), token)
	if err != nil && !errors.Is(err, access.ErrNoSession) {
		h.t.Fatal(err)
	}
	return err == nil
}

// The table of who may do what, once more and in another form: who changes one must mean it.
func TestRoles(t *testing.T) {
	t.Parallel()
	for role, want := range map[access.Role]string{
		access.Resident: "account", access.Crew: "account work", access.Dispatcher: "account work triage assign keys",
		access.Supervisor: "account work triage assign supervise keys", access.Administrator: "account work triage assign supervise keys devices people",
		"": "", "emperor": "",
	} {
		var may []string
		for _, a := range access.Actions() {
			if access.May(role, a) {
				may = append(may, string(a))
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("%s may %q, want %q", role, got, want)
		}
		if access.May(role, "everything") {
			t.Errorf("%s may do what there is not", role)
		}
		if (access.Person{Role: role, Disabled: true}).May(access.KeepAccount) {
			t.Errorf("a disabled %s may do something", role)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("Anna@Example.org", access.Dispatcher)
	token, err := h.logIn(" anna@example.ORG ", password, "a")
	if err != nil || !h.opens(token) {
		t.Fatalf("cannot log in: %v", err)
	}
	for _, wrong := range [][2]string{{"anna@example.org", "wrong"}, {"anna@example.org", ""}, {"nobody@example.org", password}, {"", ""}, {"anna@example.org", strings.Repeat("x", 5000)}} {
		if _, err := h.logIn(wrong[0], wrong[1], wrong[1]); !errors.As(err, new(access.Wrong)) {
			t.Errorf("%q with %.10q: %v", wrong[0], wrong[1], err)
		}
	}
	if h.opens("") || h.opens(token+"x") {
		t.Error("another token opens the session")
	}
	h.gate = access.NewGate(h.pool, func() time.Time { return h.now }, access.Usual()) // at the usual cost: the hash is made anew
	if _, err := h.logIn("anna@example.org", password, "c"); err != nil {
		t.Fatal(err)
	}
	var stored string
	if err := h.pool.QueryRow(context.Background(), `select (select string_agg(p::text, ' ') from people p) || (select string_agg(s::text, ' ') from sessions s)`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stored, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(stored, password) || strings.Contains(stored, token) {
		t.Errorf("stored is %s", stored)
	}
}

// Whoever guesses is stopped: at one account, at many from one address, at one from many addresses, and at all of them at once.
func TestGuessing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.add("anna@example.org", access.Dispatcher)
	h.add("ben@example.org", access.Crew)
	var guessed, stopped atomic.Int32
	var all sync.WaitGroup
	for range 40 { // at once
		all.Go(func() {
			_, err := h.logIn("anna@example.org", "guess", "a")
			var often access.TooOften
			switch {
			case errors.As(err, &often):
				stopped.Add(1)
			case errors.As(err, new(access.Wrong)):
				guessed.Add(1)
			default:
				t.Errorf("guess: %v", err)
			}
		})
	}
	all.Wait()
	if guessed.Load() != 5 || stopped.Load() != 35 {
		t.Errorf("%d guesses of 40 at once, want 5", guessed.Load())
	}
	if _, err := h.logIn("anna@example.org", password, "a"); !errors.As(err, new(access.TooOften)) {
		t.Errorf("the right password after too many wrong ones: %v", err)
	}
	if _, err := h.logIn("anna@example.org", password, "home"); err != nil {
		t.Errorf("a guesser keeps anna out elsewhere: %v", err)
	}
	if _, err := h.logIn("ben@example.org", password, "a"); !errors.As(err, new(access.TooOften)) {
		t.Errorf("an address that guessed too often may go on with another account: %v", err)
	}
	for i := range 31 {
		_, err := h.logIn("ben@example.org", "guess", string(rune('b'+i)))
		if want := i >= 30; errors.As(err, new(access.TooOften)) != want {
			t.Errorf("guess %d from another address each: %v", i, err)
		}
	}
	h.now = h.now.Add(10 * time.Minute)
	if _, err := h.logIn("ben@example.org", password, "a"); err != nil {
		t.Errorf("after the pause: %v", err)
	}
	if err := h.gate.Forget(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	anna := h.add("anna@example.org", access.Dispatcher)
	rita := h.add("rita@example.org", access.Resident)
	// Whoever plants a session finds it closed: login always begins another.
	first, err := h.logIn("anna@example.org", password, "a")
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := h.gate.LogIn(ctx, access.Login{Email: "anna@example.org", Password: password, Old: first, Agent: strings.Repeat("x", 1000)})
	if err != nil || second == first || h.opens(first) || !h.opens(second) {
		t.Errorf("the session before login lives on: %v", err)
	}
	third, _ := h.logIn("anna@example.org", password, "a")
	resident, _ := h.logIn("rita@example.org", password, "a")
	list, err := h.gate.Sessions(ctx, anna, third)
	if err != nil || len(list) != 2 || !list[0].Own || list[1].Own || len(list[1].Agent) != 300 {
		t.Fatalf("sessions: %+v %v", list, err)
	}
	if err := h.gate.EndSession(ctx, rita.ID, list[1].ID); !errors.Is(err, access.ErrNoSession) || !h.opens(second) {
		t.Errorf("somebody else ends a session: %v", err)
	}
	if err := h.gate.EndSession(ctx, anna.ID, list[1].ID); err != nil || h.opens(second) {
		t.Errorf("an ended session opens: %v", err)
	}
	for range 20 { // used again and again, and yet no longer than a week
		h.now = h.now.Add(10 * time.Hour)
		if want := h.now.Sub(list[0].CreatedAt) <= 7*24*time.Hour; h.opens(third) != want {
			t.Errorf("after %s it is open: %t", h.now.Sub(list[0].CreatedAt), !want)
		}
	}
	idle, _ := h.logIn("anna@example.org", password, "a")
	h.now = h.now.Add(14*time.Hour + time.Second)
	if h.opens(idle) || !h.opens(resident) {
		t.Error("an unused session of a dispatcher is open, or a resident's is not")
	}
	if err := h.gate.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := h.pool.QueryRow(ctx, `select count(*) from sessions`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d sessions are kept, want the resident's", left)
	}
	ownOut, _ := h.logIn("anna@example.org", password, "a")
	if err := h.gate.LogOut(ctx, ownOut); err != nil || h.opens(ownOut) {
		t.Errorf("logged out, and still in: %v", err)
	}
}

func TestPasswordLinks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	anna := h.add("anna@example.org", access.Dispatcher)
	session, _ := h.logIn("anna@example.org", password, "a")
	link := func(l access.Link) (secret string) {
		t.Helper()
		if err := h.in(func(ctx context.Context, tx pgx.Tx) (err error) {
			secret, err = access.MakeLink(ctx, tx, l, h.now.Add(access.ResetFor))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return secret
	}
	one, two := link(access.Link{Person: &anna}), link(access.Link{Person: &anna})
	for _, weak := range []string{"short", "aaaaaaaaaaaaaaaa", "anna@example.org", strings.Repeat("long ", 300)} {
		if _, err := h.gate.Use(ctx, one, weak, "", ""); !errors.Is(err, access.ErrWeak) {
			t.Errorf("%.20q: %v", weak, err)
		}
	}
	if p, err := h.gate.Use(ctx, one, "quite another sentence", "", ""); err != nil || p.ID != anna.ID {
		t.Fatalf("use: %v", err)
	}
	if h.opens(session) {
		t.Error("whoever knew the old password is still in")
	}
	for name, secret := range map[string]string{"the used one": one, "another that was asked for": two, "nonsense": "x", "none": ""} {
		if _, err := h.gate.Use(ctx, secret, "yet another sentence", "", ""); !errors.Is(err, access.ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.logIn("anna@example.org", "quite another sentence", "a"); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	late := link(access.Link{Person: &anna})
	h.now = h.now.Add(time.Hour + time.Second)
	if _, err := h.gate.Opens(ctx, late); !errors.Is(err, access.ErrLink) {
		t.Errorf("after an hour: %v", err)
	}
	// An address without an account gets one, of a resident.
	fresh := link(access.Link{Email: "Carl@Example.org"})
	carl, err := h.gate.Use(ctx, fresh, password, "Carl", "de")
	if err != nil || carl.Role != access.Resident || carl.Email != "carl@example.org" {
		t.Errorf("sign up: %+v %v", carl, err)
	}
	// Two at once: one wins.
	race := link(access.Link{Person: &anna})
	var won atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := h.gate.Use(ctx, race, "the fastest sentence", "", ""); err == nil {
				won.Add(1)
			} else if !errors.Is(err, access.ErrLink) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("a link was used %d times", won.Load())
	}
	for i := range 4 {
		if err := h.gate.Allow(ctx, "anna@example.org", []byte{byte(i)}); errors.As(err, new(access.TooOften)) != (i >= 3) {
			t.Errorf("mail %d to one mailbox: %v", i, err)
		}
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	root := h.add("root@example.org", access.Administrator)
	anna := h.add("anna@example.org", access.Dispatcher)
	err := h.in(func(ctx context.Context, tx pgx.Tx) error {
		_, err := access.Add(ctx, tx, "", access.Person{Email: "ANNA@example.org", Role: access.Administrator}, h.now)
		return err
	})
	if !errors.Is(err, access.ErrKnown) {
		t.Errorf("the same address twice: %v", err)
	}
	change := func(name string, do func(context.Context, pgx.Tx) error, want error) {
		t.Helper()
		if err := h.in(do); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	last := access.ErrLastAdministrator
	change("the last administrator becomes another", func(ctx context.Context, tx pgx.Tx) error {
		return access.SetRole(ctx, tx, root.ID, root.ID, access.Crew, h.now)
	}, last)
	change("the last administrator is kept out", func(ctx context.Context, tx pgx.Tx) error { return access.Disable(ctx, tx, root.ID, root.ID, h.now) }, last)
	change("the last administrator is erased", func(ctx context.Context, tx pgx.Tx) error { return access.Erase(ctx, tx, root.ID, root.ID, h.now) }, last)
	change("nobody", func(ctx context.Context, tx pgx.Tx) error { return access.Erase(ctx, tx, root.ID, "none", h.now) }, access.ErrNobody)

	session, _ := h.logIn("anna@example.org", password, "a")
	change("another role", func(ctx context.Context, tx pgx.Tx) error {
		return access.SetRole(ctx, tx, root.ID, anna.ID, access.Administrator, h.now)
	}, nil)
	if h.opens(session) {
		t.Error("a session goes on under another role")
	}
	change("then it can", func(ctx context.Context, tx pgx.Tx) error {
		return access.SetRole(ctx, tx, root.ID, root.ID, access.Crew, h.now)
	}, nil)

	ben := h.add("ben@example.org", access.Crew)
	session, _ = h.logIn("ben@example.org", password, "a")
	change("kept out", func(ctx context.Context, tx pgx.Tx) error { return access.Disable(ctx, tx, anna.ID, ben.ID, h.now) }, nil)
	if h.opens(session) {
		t.Error("who is kept out is still in")
	}
	if _, err := h.logIn("ben@example.org", password, "a"); !errors.As(err, new(access.Wrong)) {
		t.Errorf("who is kept out logs in: %v", err)
	}
	change("let in", func(ctx context.Context, tx pgx.Tx) error { return access.Enable(ctx, tx, anna.ID, ben.ID, h.now) }, nil)
	if _, err := h.logIn("ben@example.org", password, "a"); err != nil {
		t.Errorf("let in again: %v", err)
	}
	change("erased", func(ctx context.Context, tx pgx.Tx) error { return access.Erase(ctx, tx, ben.ID, ben.ID, h.now) }, nil)
	if _, err := access.FindEmail(ctx, h.pool, "ben@example.org"); !errors.Is(err, access.ErrNobody) {
		t.Errorf("ben is erased: %v", err)
	}
	var left string
	if err := h.pool.QueryRow(ctx, `select (select coalesce(string_agg(s::text, ''), '') from sessions s where person = $1) || (select string_agg(a::text, '') from audit a)`, ben.ID).Scan(&left); err != nil || strings.Contains(left, "@") {
		t.Errorf("left of ben is %s %v", left, err)
	}
}

// What was done is written down, with who did it, and stays.
func TestAudit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	root := h.add("root@example.org", access.Administrator)
	anna := h.add("anna@example.org", access.Dispatcher)
	if err := h.in(func(ctx context.Context, tx pgx.Tx) error {
		return access.SetRole(ctx, tx, root.ID, anna.ID, access.Supervisor, h.now)
	}); err != nil {
		t.Fatal(err)
	}
	log, err := access.Log(ctx, h.pool, access.Search{Action: "person.role", Limit: 10})
	if err != nil || len(log) != 1 || log[0].Person != root.ID || log[0].What != anna.ID || log[0].Detail != "dispatcher to supervisor" {
		t.Errorf("%+v %v", log, err)
	}
	log, err = access.Log(ctx, h.pool, access.Search{What: anna.ID, Limit: 2})
	if err != nil || len(log) != 2 || log[0].N <= log[1].N {
		t.Errorf("%+v %v", log, err)
	}
	rest, err := access.Log(ctx, h.pool, access.Search{What: anna.ID, Before: log[1].N, Limit: 9})
	if err != nil || len(rest) != 1 || slices.Contains(log, rest[0]) {
		t.Errorf("%+v %v", rest, err)
	}
	if _, err := h.logIn("anna@example.org", "not hers", "a"); !errors.As(err, new(access.Wrong)) {
		t.Fatal(err)
	}
	if _, err := h.logIn("stranger@example.org", "not theirs", "a"); !errors.As(err, new(access.Wrong)) {
		t.Fatal(err)
	}
	log, err = access.Log(ctx, h.pool, access.Search{Action: "session.refuse", Limit: 9})
	if err != nil || len(log) != 2 || log[0].What != "" || log[0].Detail != "no such account" || log[1].What != anna.ID || log[1].Detail != "wrong password" {
		t.Errorf("who was not let in: %+v %v", log, err)
	}
	day := h.now.Truncate(24 * time.Hour)
	for _, s := range []access.Search{{Till: day}, {From: day.AddDate(0, 0, 2)}, {Text: "nobody said this"}} {
		s.Limit = 9
		if log, err := access.Log(ctx, h.pool, s); err != nil || len(log) != 0 {
			t.Errorf("%+v finds %+v %v", s, log, err)
		}
	}
	for _, sql := range []string{`delete from audit`, `update audit set person = ''`, `truncate audit`} {
		if _, err := h.pool.Exec(ctx, sql); err == nil {
			t.Errorf("%s: it can be done", sql)
		}
	}
}
