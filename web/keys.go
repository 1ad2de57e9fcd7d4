package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
)

// lives are the days that a key can be made for; 0: until it is revoked.
func lives() []int { return []int{90, 365, 0} }

const mostKeys = 50 // of one person

// errKeys is returned to who has as many keys as anybody needs.
var errKeys = errors.New("too many keys")

// makeKey makes a key of a person that lives so many days, 0 for ever; with a fleet, for its owner, who may nothing else.
func (s *Server) makeKey(ctx context.Context, p access.Person, name string, scopes []access.Scope, fleet string, days int) (k access.Key, text string, err error) {
	now := s.config.Now()
	var expires *time.Time
	if days > 0 {
		at := now.AddDate(0, 0, days)
		expires = &at
	}
	if name == "" {
		name = "–"
	}
	slices.Sort(scopes)
	err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		list, err := access.Keys(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if len(list) >= mostKeys {
			return errKeys
		}
		if fleet != "" {
			k, text, err = access.MakeFleetKey(ctx, tx, p, name, fleet, expires, now)
			return err
		}
		k, text, err = access.MakeKey(ctx, tx, p, name, slices.Compact(scopes), expires, now)
		return err
	})
	return k, text, err
}

// revokeKey ends a key: of the person, or of anybody where whose is empty.
func (s *Server) revokeKey(ctx context.Context, by, whose string, id int64) error {
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error { return access.RevokeKey(ctx, tx, by, whose, id, s.config.Now()) })
}

// keysPost makes a key, and shows it this once, or revokes one.
func (s *face) keysPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	p, _ := personOf(r.Context())
	if text := r.PostForm.Get("revoke"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return badRequest("revoke names a key.")
		}
		if err := s.revokeKey(r.Context(), p.ID, p.ID, id); err != nil && !errors.Is(err, access.ErrNoKey) {
			return err
		}
		http.Redirect(w, r, accountAddress("revoked")+"#keys", http.StatusSeeOther)
		return nil
	}
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil || !slices.Contains(lives(), days) {
		return badRequest("A key does not live that long.")
	}
	var scopes []access.Scope
	for _, scope := range r.PostForm["scope"] {
		scopes = append(scopes, access.Scope(scope))
	}
	k, text, err := s.makeKey(r.Context(), p, cleanName(r.PostForm.Get("name")), scopes, cleanName(r.PostForm.Get("fleet")), days)
	switch {
	case errors.Is(err, access.ErrScope):
		return s.showAccount(w, r, http.StatusUnprocessableEntity, func(v *accountView) { v.Wrong["scope"] = s.texts.T("keys.scope.missing") })
	case errors.Is(err, errKeys):
		return s.showAccount(w, r, http.StatusUnprocessableEntity, func(v *accountView) { v.Wrong["scope"] = s.texts.T("keys.many", "n", mostKeys) })
	case err != nil:
		return err
	}
	return s.showAccount(w, r, http.StatusOK, func(v *accountView) { v.NewKey, v.NewKeyName = text, k.Name })
}

type keyBody struct {
	ID        int64          `json:"id"`
	Person    string         `json:"person" doc:"whose it is"`
	Name      string         `json:"name"`
	Start     string         `json:"start" doc:"how the key begins"`
	Scopes    []access.Scope `json:"scopes"`
	Fleet     string         `json:"fleet" doc:"whose devices it sees and revokes, and nothing else; empty: it is of no fleet"`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt *time.Time     `json:"expires_at" doc:"null: never"`
	UsedAt    *time.Time     `json:"used_at" doc:"null: never"`
}

func keyOf(k access.Key) keyBody {
	return keyBody{k.ID, k.Person, k.Name, k.Start, k.Scopes, k.Fleet, k.CreatedAt.UTC(), k.ExpiresAt, k.UsedAt}
}

type keysBody struct {
	Keys []keyBody `json:"keys"`
}

type makeKeyInput struct {
	asked
	Body struct {
		Name   string         `json:"name" maxLength:"100" minLength:"1"`
		Scopes []access.Scope `json:"scopes" minItems:"1" maxItems:"10" doc:"of read, orders:write, devices:write, those that one may oneself; or fleet alone, with the fleet"`
		Fleet  string         `json:"fleet,omitempty" maxLength:"100" doc:"for its owner: the key sees and revokes this fleet's devices, and may nothing else"`
		Days   int            `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"that it lives; 0: until it is revoked"`
	}
}

type madeKey struct {
	keyBody
	Key string `json:"key" doc:"shown this once"`
}

func (s *Server) registerKeys(api huma.API) {
	huma.Register(api, s.guarded(api, access.MakeKeys, "list-keys", http.MethodGet, "/account/keys", "One's own keys for programs"), s.apiKeys)
	op := s.guarded(api, access.MakeKeys, "make-key", http.MethodPost, "/account/keys", "Make a key for a program", 422)
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, s.apiMakeKey)
	huma.Register(api, s.guarded(api, access.MakeKeys, "revoke-key", http.MethodDelete, "/account/keys/{id}", "Revoke a key", 404, 422), s.apiRevokeKey)
}

func (s *Server) apiKeys(ctx context.Context, _ *ownInput) (*struct{ Body keysBody }, error) {
	p, _ := personOf(ctx)
	return s.listKeys(ctx, p.ID)
}

func (s *Server) listKeys(ctx context.Context, person string) (*struct{ Body keysBody }, error) {
	list, err := access.Keys(ctx, s.config.Pool, person)
	if err != nil {
		return nil, s.failed(ctx, "key", err)
	}
	out := keysBody{Keys: []keyBody{}}
	for _, k := range list {
		out.Keys = append(out.Keys, keyOf(k))
	}
	return &struct{ Body keysBody }{out}, nil
}

func (s *Server) apiMakeKey(ctx context.Context, in *makeKeyInput) (*struct{ Body madeKey }, error) {
	p, _ := personOf(ctx)
	fleet := cleanName(in.Body.Fleet)
	if (fleet != "") != slices.Equal(in.Body.Scopes, []access.Scope{access.ScopeFleet}) {
		return nil, huma.Error422UnprocessableEntity("A fleet's key has the scope fleet, no other, and the fleet's name.")
	}
	k, text, err := s.makeKey(ctx, p, cleanName(in.Body.Name), in.Body.Scopes, fleet, in.Body.Days)
	switch {
	case errors.Is(err, access.ErrScope):
		return nil, huma.Error422UnprocessableEntity("A key can have the scopes that its owner may use, and no other.")
	case errors.Is(err, errKeys):
		return nil, huma.Error422UnprocessableEntity("You have as many keys as one person can have. Revoke some.")
	case err != nil:
		return nil, s.failed(ctx, "key", err)
	}
	return &struct{ Body madeKey }{madeKey{keyOf(k), text}}, nil
}

func (s *Server) apiRevokeKey(ctx context.Context, in *numberedInput) (*struct{}, error) {
	p, _ := personOf(ctx)
	return s.apiRevoke(ctx, p.ID, p.ID, in.ID)
}

func (s *Server) apiRevoke(ctx context.Context, by, whose string, id int64) (*struct{}, error) {
	err := s.revokeKey(ctx, by, whose, id)
	if errors.Is(err, access.ErrNoKey) {
		return nil, huma.Error404NotFound("There is no such key.")
	}
	if err != nil {
		return nil, s.failed(ctx, "key", err)
	}
	return nil, nil
}
