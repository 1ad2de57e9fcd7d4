package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/crowd"
)

// People who say something are told apart by keyed hashes of their account, or else of a random cookie, and of their address. The key is made anew
// every four weeks and the old one deleted: then nobody can tell any more who said what, not even whoever has the
// database and the cookie.
const peopleTerm = 28 * 24 * time.Hour

const personCookie = "person"

// peopleKey is the key of one term.
type peopleKey struct {
	term int64
	key  []byte
}

// person is somebody who asks.
type person struct {
	cookie       string // empty: none yet
	voter, house []byte
}

// hashKey returns the key of this moment, made where it is the first of its term.
func (s *Server) hashKey(ctx context.Context) (*peopleKey, error) {
	now := s.config.Now()
	term := now.Unix() / int64(peopleTerm/time.Second)
	if k := s.people.Load(); k != nil && k.term == term {
		return k, nil
	}
	k := &peopleKey{term: term}
	err := pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails
		if _, err := tx.Exec(ctx, `insert into people_keys (term, key) values ($1, $2) on conflict do nothing`, term, fresh); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `select key from people_keys where term = $1`, term).Scan(&k.key); err != nil {
			return err
		}
		gone, err := tx.Exec(ctx, `delete from people_keys where term < $1`, term)
		if err != nil || gone.RowsAffected() == 0 {
			return err
		}
		return crowd.ForgetVoters(ctx, tx, time.Unix(term*int64(peopleTerm/time.Second), 0))
	})
	if err != nil {
		return nil, fmt.Errorf("key of people's hashes: %w", err)
	}
	s.people.Store(k)
	return k, nil
}

func (k *peopleKey) hash(kind, what string) []byte {
	h := hmac.New(sha256.New, k.key)
	fmt.Fprintf(h, "%s\x00%s", kind, what)
	return h.Sum(nil)[:16]
}

// network is the part of an address that one household has: an IPv6 network counts as one.
func network(a netip.Addr) string {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "local"
	}
	return p.String()
}

// whoAsks returns who a request comes from; without a cookie there is no voter.
func (s *Server) whoAsks(r *http.Request) (person, error) {
	k, err := s.hashKey(r.Context())
	if err != nil {
		return person{}, err
	}
	p := person{house: k.hash("house", network(s.client(r)))}
	if c, err := r.Cookie(personCookie); err == nil && len(c.Value) == 22 {
		p.cookie, p.voter = c.Value, k.hash("voter", c.Value)
	}
	if who, ok := personOf(r.Context()); ok && fleetOf(r.Context()) == "" {
		p.voter = k.voterOf(who) // on whatever device
	}
	return p, nil
}

// voterOf is the voter that somebody who is logged in is.
func (k *peopleKey) voterOf(p access.Person) []byte { return k.hash("account", p.ID) }

// adopt makes what a browser said before its owner logged in theirs.
func (s *Server) adopt(r *http.Request, p access.Person) error {
	c, err := r.Cookie(personCookie)
	if err != nil || len(c.Value) != 22 {
		return nil //nolint:nilerr // there is no cookie, and nothing was said
	}
	k, err := s.hashKey(r.Context())
	if err != nil {
		return err
	}
	return pgx.BeginFunc(r.Context(), s.config.Pool, func(tx pgx.Tx) error {
		return crowd.JoinVoters(r.Context(), tx, k.hash("voter", c.Value), k.voterOf(p))
	})
}

// whoSpeaks is whoAsks for somebody who says something: who has no cookie gets one, to be set by the answer.
func (s *Server) whoSpeaks(r *http.Request) (person, *http.Cookie, error) {
	p, err := s.whoAsks(r)
	if err != nil || p.voter != nil {
		return p, nil, err
	}
	k, err := s.hashKey(r.Context())
	if err != nil {
		return p, nil, err
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	p.cookie = base64.RawURLEncoding.EncodeToString(b)
	p.voter = k.hash("voter", p.cookie)
	return p, &http.Cookie{Name: personCookie, Value: p.cookie, Path: "/", MaxAge: int(peopleTerm.Seconds()), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}, nil
}
