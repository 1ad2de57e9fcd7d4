package consumer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/ingest"
	"github.com/streetpulse/streetpulse/ingest/topics"
)

const (
	longestQuestion = 16 << 10 // bytes
	checkWait       = 5 * time.Second
)

// question is what a broker asks, in the common form of mosquitto-go-auth and EMQX: form fields or a JSON object.
type question struct {
	Username string      `json:"username"`
	Password string      `json:"password"`
	ClientID string      `json:"clientid"`
	Topic    string      `json:"topic"`
	Acc      json.Number `json:"acc"`    // 1 get a message, 2 publish, 3 both, 4 subscribe
	Action   string      `json:"action"` // EMQX's word for acc: publish or subscribe
}

// answer says the same to all: mosquitto-go-auth reads the status or ok and error, EMQX result and is_superuser.
type answer struct {
	Result    string `json:"result"`
	Superuser bool   `json:"is_superuser"`
	OK        bool   `json:"ok"`
	Error     string `json:"error"`
}

var errForbidden = errors.New("a device may use its own topics only")

// Checks answers an external broker that asks who a client is (POST /broker/auth) and what it may (POST /broker/acl): 200
// where it is allowed, 403 where it is not, 503 where that cannot be told. brokerURL is the one that we connect to; its
// user is let in, and may what this package does.
func Checks(pool *pgxpool.Pool, brokerURL string) (http.Handler, error) {
	_, user, err := ParseURL(brokerURL)
	if err != nil {
		return nil, err
	}
	c := &checks{credentials: ingest.NewCredentials(pool, nil), user: user}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /broker/auth", c.serve(c.auth))
	mux.HandleFunc("POST /broker/acl", c.serve(c.acl))
	return mux, nil
}

type checks struct {
	credentials *ingest.Credentials
	user        *url.Userinfo // nil: we have no name there
}

func (c *checks) serve(check func(context.Context, question) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := read(w, r)
		status := http.StatusBadRequest
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), checkWait)
			defer cancel()
			err = check(ctx, q)
			switch {
			case err == nil:
				status = http.StatusOK
			case errors.Is(err, ingest.ErrUnauthorized), errors.Is(err, errForbidden):
				status = http.StatusForbidden
			default:
				status, err = http.StatusServiceUnavailable, ingest.ErrUnavailable
			}
		}
		said := answer{Result: "allow", OK: true}
		if err != nil {
			said = answer{Result: "deny", Error: err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(said) // a broker that has gone asks again
	}
}

func read(w http.ResponseWriter, r *http.Request) (question, error) {
	r.Body = http.MaxBytesReader(w, r.Body, longestQuestion)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return question{}, errors.New("the question is a form or JSON: Content-Type says which")
	}
	var q question
	if kind == "application/json" {
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			return question{}, fmt.Errorf("the question is no JSON: %w", err)
		}
		return q, nil
	}
	if err := r.ParseForm(); err != nil {
		return question{}, fmt.Errorf("the question is no form: %w", err)
	}
	f := r.PostForm
	return question{f.Get("username"), f.Get("password"), f.Get("clientid"), f.Get("topic"), json.Number(f.Get("acc")), f.Get("action")}, nil
}

// ours says whether a user name is the one that we have at the broker.
func (c *checks) ours(name string) bool {
	return c.user != nil && c.user.Username() != "" && c.user.Username() == name
}

func (c *checks) auth(ctx context.Context, q question) error {
	if c.ours(q.Username) {
		password, _ := c.user.Password()
		want, got := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(q.Password))
		if password == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return ingest.ErrUnauthorized
		}
		return nil
	}
	if q.ClientID != q.Username { // or one device could take over another's session
		return ingest.ErrUnauthorized
	}
	return c.credentials.Authenticate(ctx, q.Username, q.Password)
}

func (c *checks) acl(ctx context.Context, q question) error {
	read, publish := false, false
	switch acc := q.Acc.String(); {
	case acc == "1" || acc == "4" || acc == "" && q.Action == "subscribe":
		read = true
	case acc == "2" || acc == "" && q.Action == "publish":
		publish = true
	case acc == "3":
		read, publish = true, true
	default:
		return errForbidden
	}
	if c.ours(q.Username) {
		if publish && !topics.ServerMayPublish(q.Topic) || read && !topics.ServerMayRead(q.Topic) {
			return errForbidden
		}
		return nil
	}
	if publish && !topics.MayPublish(q.Username, q.Topic) || read && !topics.MayRead(q.Username, q.Topic) {
		return errForbidden
	}
	return c.credentials.Known(ctx, q.Username)
}
