package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"
)

// SignOnOptions say which service logs people in (OpenID Connect). Issuer, ClientID and Redirect are needed.
type SignOnOptions struct {
	Issuer       string // its address
	ClientID     string
	ClientSecret string
	Redirect     string          // where it sends people back to
	RoleClaim    string          // the claim that tells roles, as in "groups"; empty: it tells none
	Roles        map[string]Role // what the claim's values mean
}

// SignOn logs people in by another service: the authorization code flow of OpenID Connect, with state, nonce and PKCE.
type SignOn struct {
	o SignOnOptions

	mu       sync.Mutex
	provider *oidc.Provider // nil: it has not been asked yet
}

// NewSignOn makes a way to log in by another service, which is not asked for anything yet: it may be away now.
func NewSignOn(o SignOnOptions) (*SignOn, error) {
	if o.Issuer == "" || o.ClientID == "" || o.Redirect == "" {
		return nil, errors.New("logging in by another service needs its address and a client's id")
	}
	for value, r := range o.Roles {
		if _, err := ParseRole(string(r)); err != nil {
			return nil, fmt.Errorf("the role of %q: %w", value, err)
		}
	}
	return &SignOn{o: o}, nil
}

// Ticket is what the browser keeps while somebody is at the other service; whoever comes back without it is somebody else.
type Ticket struct{ State, Nonce, Verifier string }

// Identity is who the other service says somebody is.
type Identity struct {
	Issuer, Subject, Email, Name string
	Verified                     bool // the service has checked the address
	Roles                        bool // the service tells roles
	Role                         Role // what it told; resident where none of it means a role
}

// Errors of logging in by another service.
var (
	ErrTicket   = errors.New("this login was not begun in this browser, or too long ago")
	ErrRefused  = errors.New("the service did not let this person in")
	ErrUnproved = errors.New("the service has not checked this person's address")
	ErrKeptOut  = errors.New("this person is kept out")
)

const askTimeout = 15 * time.Second // of the other service

func (s *SignOn) ask(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider == nil {
		p, err := oidc.NewProvider(ctx, s.o.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("ask %s how to log in there: %w", s.o.Issuer, err)
		}
		s.provider = p
	}
	return s.provider, &oauth2.Config{ClientID: s.o.ClientID, ClientSecret: s.o.ClientSecret, RedirectURL: s.o.Redirect, Endpoint: s.provider.Endpoint(),
		Scopes: s.scopes()}, nil
}

// scopes are what the other service is asked to tell; groups only where they are wanted.
func (s *SignOn) scopes() []string {
	out := []string{oidc.ScopeOpenID, "email", "profile"}
	if s.o.RoleClaim == "groups" {
		out = append(out, "groups")
	}
	return out
}

// Begin returns the address at the other service where somebody logs in.
func (s *SignOn) Begin(ctx context.Context) (address string, t Ticket, err error) {
	ctx, done := context.WithTimeout(ctx, askTimeout)
	defer done()
	_, config, err := s.ask(ctx)
	if err != nil {
		return "", t, err
	}
	t = Ticket{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return config.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), t, nil
}

// Finish asks the other service who came back with a state and a code. It returns ErrTicket or ErrRefused.
func (s *SignOn) Finish(ctx context.Context, t Ticket, state, code string) (Identity, error) {
	ctx, done := context.WithTimeout(ctx, askTimeout)
	defer done()
	if t.State == "" || subtle.ConstantTimeCompare([]byte(t.State), []byte(state)) != 1 {
		return Identity{}, ErrTicket
	}
	if code == "" {
		return Identity{}, ErrRefused
	}
	provider, config, err := s.ask(ctx)
	if err != nil {
		return Identity{}, err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("ask %s who came back: %w", s.o.Issuer, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: s.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(t.Nonce)) != 1 {
		return Identity{}, ErrTicket
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if provider.UserInfoEndpoint() != "" && !s.complete(claims) {
		more, err := s.more(ctx, provider, token, id.Subject)
		if err != nil {
			return Identity{}, err
		}
		maps.Copy(more, claims) // what is signed counts before what is merely said
		claims = more
	}
	return s.identity(id, claims), nil
}

// complete says whether a token tells all that is asked for. Many services put into it who somebody is, and keep the rest for who asks
// (OpenID Connect Core, 5.4).
func (s *SignOn) complete(claims map[string]any) bool {
	_, email := claims["email"]
	_, verified := claims["email_verified"]
	_, role := claims[s.o.RoleClaim]
	return email && verified && (role || s.o.RoleClaim == "")
}

// more asks the service what else it says of somebody.
func (s *SignOn) more(ctx context.Context, provider *oidc.Provider, token *oauth2.Token, subject string) (map[string]any, error) {
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask %s of who came back: %w", s.o.Issuer, err)
	}
	claims := map[string]any{}
	if err := info.Claims(&claims); err != nil || info.Subject != subject {
		return nil, errors.Join(ErrRefused, err) // it speaks of somebody else
	}
	return claims, nil
}

// identity reads what a service says of somebody.
func (s *SignOn) identity(id *oidc.IDToken, claims map[string]any) Identity {
	email, _ := claims["email"].(string)
	name, _ := claims["name"].(string)
	verified, _ := claims["email_verified"].(bool)
	out := Identity{Issuer: id.Issuer, Subject: id.Subject, Email: Small(email), Verified: verified, Name: name}
	if s.o.RoleClaim == "" {
		return out
	}
	out.Roles, out.Role = true, Resident
	var values []any
	switch v := claims[s.o.RoleClaim].(type) {
	case string:
		values = []any{v}
	case []any:
		values = v
	}
	for _, v := range values {
		text, _ := v.(string)
		if r, ok := s.o.Roles[text]; ok && slices.Index(Roles(), r) > slices.Index(Roles(), out.Role) {
			out.Role = r
		}
	}
	return out
}

// Admit lets in whom another service knows, and returns the token of a new session. Somebody who comes for the first time is
// whoever has the address here, or a new person; from then on the service is their only way in. It returns ErrUnproved or ErrKeptOut.
func (g *Gate) Admit(ctx context.Context, id Identity, agent, old string) (p Person, token string, err error) {
	err = pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		now := g.now()
		if p, err = g.known(ctx, tx, id); err != nil {
			return err
		}
		if p.Disabled {
			return ErrKeptOut
		}
		if id.Roles && id.Role != p.Role {
			err := SetRole(ctx, tx, "", p.ID, id.Role, now)
			switch {
			case err == nil:
				p.Role = id.Role
			case !errors.Is(err, ErrLastAdministrator): // who would remain to put it right
				return err
			}
		}
		token, err = Begin(ctx, tx, p.ID, agent, old, now)
		return err
	})
	return p, token, err
}

// known finds the person of an identity, or makes them one.
func (g *Gate) known(ctx context.Context, tx pgx.Tx, id Identity) (Person, error) {
	p, err := one(tx.QueryRow(ctx, `select `+personColumns+` from people p where issuer = $1 and subject = $2`, id.Issuer, id.Subject))
	if !errors.Is(err, ErrNobody) {
		return p, err
	}
	// From here on the address decides who it is: it must be theirs.
	if !id.Verified || id.Email == "" {
		return p, ErrUnproved
	}
	now := g.now()
	p, err = FindEmail(ctx, tx, id.Email)
	if errors.Is(err, ErrNobody) {
		role := Resident
		if id.Roles {
			role = id.Role
		}
		p, err = Add(ctx, tx, "", Person{Email: id.Email, Name: id.Name, Role: role}, now)
	}
	if err != nil || p.Disabled {
		return p, err
	}
	if p.Single {
		return p, ErrUnproved // this address is of somebody else over there
	}
	_, err = tx.Exec(ctx, `update people set issuer = $2, subject = $3, password = '', confirmed_at = coalesce(confirmed_at, $4) where id = $1`, p.ID, id.Issuer, id.Subject, now)
	if err != nil {
		return p, fmt.Errorf("join a person with %s: %w", id.Issuer, err)
	}
	if err := endAll(ctx, tx, p.ID, nil); err != nil {
		return p, err
	}
	if err := endLinks(ctx, tx, p.ID); err != nil {
		return p, err
	}
	p.Single, p.Invited = true, false
	return p, Record(ctx, tx, Entry{At: now, Person: p.ID, Action: "person.join", What: p.ID})
}
