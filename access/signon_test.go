package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/streetpulse/streetpulse/access"
)

// service is a provider of OpenID Connect that lets everybody in.
type service struct {
	*mockoidc.MockOIDC
	t  *testing.T
	on *access.SignOn
}

func newService(t *testing.T) *service {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Shutdown() })
	on, err := access.NewSignOn(access.SignOnOptions{Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret, Redirect: "https://city.example/login/oidc/callback",
		RoleClaim: "groups", Roles: map[string]access.Role{"works": access.Dispatcher, "it": access.Administrator}})
	if err != nil {
		t.Fatal(err)
	}
	return &service{m, t, on}
}

// visit goes to the service and comes back with a state and a code.
func (s *service) visit(user *mockoidc.MockUser) (t access.Ticket, state, code string) {
	s.t.Helper()
	s.QueueUser(user)
	address, t, err := s.on.Begin(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Host != "city.example" {
		s.t.Fatalf("%s to %s", answer.Status, back)
	}
	return t, back.Query().Get("state"), back.Query().Get("code")
}

func TestSignOn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, s := newHouse(t), newService(t)
	anna := h.add("anna@example.org", access.Crew)
	session, _ := h.logIn("anna@example.org", password, "a")
	come := func(user *mockoidc.MockUser) (access.Person, string, error) {
		t.Helper()
		ticket, state, code := s.visit(user)
		id, err := s.on.Finish(ctx, ticket, state, code)
		if err != nil {
			t.Fatal(err)
		}
		return h.gate.Admit(ctx, id, "test", "")
	}
	user := &mockoidc.MockUser{Subject: "u1", Email: "Anna@example.org", EmailVerified: true, Groups: []string{"works", "choir"}}
	unproved := *user
	unproved.EmailVerified = false
	if _, _, err := come(&unproved); !errors.Is(err, access.ErrUnproved) {
		t.Errorf("an address that nobody has checked: %v", err)
	}
	p, token, err := come(user)
	if err != nil || p.ID != anna.ID || p.Role != access.Dispatcher || !h.opens(token) || h.opens(session) {
		t.Fatalf("anna comes: %+v %v", p, err)
	}
	if _, err := h.logIn("anna@example.org", password, "a"); !errors.As(err, new(access.Wrong)) {
		t.Errorf("her password opens still: %v", err)
	}
	// The service decides from now on, also by another address; and who has no group is a resident.
	user.Email, user.Groups, user.EmailVerified = "anna.b@example.org", nil, false
	if p, _, err = come(user); err != nil || p.ID != anna.ID || p.Role != access.Resident {
		t.Errorf("anna comes again: %+v %v", p, err)
	}
	// Another who says they have her address does not get hers.
	if _, _, err := come(&mockoidc.MockUser{Subject: "u2", Email: "anna@example.org", EmailVerified: true}); !errors.Is(err, access.ErrUnproved) {
		t.Errorf("another subject with her address: %v", err)
	}
	root, _, err := come(&mockoidc.MockUser{Subject: "u3", Email: "root@example.org", EmailVerified: true, Groups: []string{"it", "works"}})
	if err != nil || root.Role != access.Administrator {
		t.Errorf("somebody new: %+v %v", root, err)
	}
	if again, _, err := come(&mockoidc.MockUser{Subject: "u3", Email: "root@example.org", EmailVerified: true}); err != nil || again.Role != access.Administrator {
		t.Errorf("the last administrator has lost the role: %+v %v", again, err)
	}
	if err := h.in(func(ctx context.Context, tx pgx.Tx) error { return access.Disable(ctx, tx, root.ID, anna.ID, h.now) }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := come(user); !errors.Is(err, access.ErrKeptOut) {
		t.Errorf("who is kept out here: %v", err)
	}
}

// What comes back must have been begun in this browser, and once.
func TestSignOnIsOfThisBrowser(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newService(t)
	user := mockoidc.DefaultUser()
	mine, state, code := s.visit(user)
	theirs, _, theirCode := s.visit(user)
	for name, c := range map[string]struct {
		ticket      access.Ticket
		state, code string
		want        error
	}{
		"no ticket":          {access.Ticket{}, "", code, access.ErrTicket},
		"another state":      {mine, "x", code, access.ErrTicket},
		"another's code":     {mine, state, theirCode, access.ErrRefused}, // PKCE
		"another's nonce":    {access.Ticket{State: state, Nonce: theirs.Nonce, Verifier: mine.Verifier}, state, code, access.ErrTicket},
		"no code":            {mine, state, "", access.ErrRefused},
		"a code of no login": {mine, state, "nonsense", access.ErrRefused},
		"without the secret": {access.Ticket{State: state, Nonce: mine.Nonce}, state, code, access.ErrRefused},
	} {
		if name == "another's nonce" {
			other, otherState, otherCode := s.visit(user)
			c.ticket, c.state, c.code = access.Ticket{State: otherState, Nonce: theirs.Nonce, Verifier: other.Verifier}, otherState, otherCode
		}
		if _, err := s.on.Finish(ctx, c.ticket, c.state, c.code); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	fresh, state, code := s.visit(user)
	if _, err := s.on.Finish(ctx, fresh, state, code); err != nil {
		t.Errorf("the right one: %v", err)
	}
	if _, err := s.on.Finish(ctx, fresh, state, code); !errors.Is(err, access.ErrRefused) {
		t.Errorf("once more: %v", err)
	}
	away, err := access.NewSignOn(access.SignOnOptions{Issuer: "http://127.0.0.1:1", ClientID: "x", Redirect: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := away.Begin(ctx); err == nil {
		t.Error("a service that is away answers")
	}
}
