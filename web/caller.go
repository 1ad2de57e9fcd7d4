package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/streetpulse/streetpulse/access"
)

const sessionCookie = "session"

// caller is somebody who is logged in.
type caller struct {
	access.Person
	token string      // of the session
	key   *access.Key // with which a program acts for the person; nil: it is the person
}

// visit is one request; who it comes from is looked up once, and only where it is asked.
type visit struct {
	server  *Server
	request *http.Request

	once   sync.Once
	caller *caller // nil: nobody who is known
	err    error
}

type visitKey struct{}

// visited lets those who serve a request ask who it comes from.
func (s *Server) visited(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, &visit{server: s, request: r}))
}

// callerOf returns who a request comes from by its context, nil where nobody is logged in.
func callerOf(ctx context.Context) (*caller, error) {
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil {
		return nil, nil
	}
	v.once.Do(func() { v.caller, v.err = v.server.recognise(ctx, v.request) })
	return v.caller, v.err
}

// personOf returns who is logged in, false where nobody is, or where that cannot be told.
func personOf(ctx context.Context) (access.Person, bool) {
	c, err := callerOf(ctx)
	if err != nil || c == nil {
		return access.Person{}, false
	}
	return c.Person, true
}

// fleetOf returns the fleet whose devices alone a request may be about, empty where it may be about all.
func fleetOf(ctx context.Context) string {
	if c, err := callerOf(ctx); err == nil && c != nil && c.key != nil {
		return c.key.Fleet
	}
	return ""
}

func (s *Server) recognise(ctx context.Context, r *http.Request) (*caller, error) {
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && strings.HasPrefix(r.URL.Path, apiPath+"/") {
		p, k, err := s.gate.Holds(ctx, strings.TrimSpace(key))
		if errors.Is(err, access.ErrNoKey) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return &caller{Person: p, key: &k}, nil
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return nil, nil //nolint:nilerr // there is no cookie
	}
	p, _, err := s.gate.Who(ctx, cookie.Value)
	if errors.Is(err, access.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &caller{Person: p, token: cookie.Value}, nil
}

// errRole is returned to who is logged in but may not do what they ask for.
var errRole = errors.New("another role is needed")

// pageFunc serves a page.
type pageFunc = func(*face, http.ResponseWriter, *http.Request) error

// only keeps a page to those who may do something. Who is not logged in is asked to, and comes back; who may not is told so.
func only(a access.Action, serve pageFunc) pageFunc {
	return func(s *face, w http.ResponseWriter, r *http.Request) error {
		c, err := callerOf(r.Context())
		if err != nil {
			return err
		}
		if c == nil {
			to := "/login"
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				to += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, to, http.StatusSeeOther)
			return nil
		}
		if !c.May(a) {
			return errRole
		}
		w.Header().Set("Cache-Control", "private, no-store")
		return serve(s, w, r)
	}
}

// guarded describes an operation that only those may call who may do something: people who are logged in and, where the action
// has a scope, programs with a key of it.
func (s *Server) guarded(api huma.API, a access.Action, id, method, path, summary string, errs ...int) huma.Operation {
	return s.guardedFor(api, a, false, id, method, path, summary, errs...)
}

// guardedFor is guarded; an operation that is for fleets as well is also open to the key of one, and keeps to its devices (fleetOf).
func (s *Server) guardedFor(api huma.API, a access.Action, fleets bool, id, method, path, summary string, errs ...int) huma.Operation {
	op := open(id, method, path, summary, append([]int{401, 403, 503}, errs...)...)
	op.Security, op.MaxBodyBytes = []map[string][]string{{"session": {}}}, 1<<20
	if scope := a.Scope(); scope != "" {
		if method == http.MethodGet {
			scope = access.ScopeRead
		}
		op.Security = append(op.Security, map[string][]string{"key": {string(scope)}})
	}
	if fleets {
		op.Security = append(op.Security, map[string][]string{"key": {string(access.ScopeFleet)}})
	}
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		ctx.SetHeader("Cache-Control", "private, no-store")
		if err := s.admit(ctx, a, fleets); err != nil {
			var problem huma.StatusError
			if !errors.As(err, &problem) {
				problem = huma.Error500InternalServerError("Something broke here. Try again in a minute.")
			}
			if problem.GetStatus() == http.StatusUnauthorized {
				ctx.SetHeader("WWW-Authenticate", `Bearer realm="Streetpulse"`)
			}
			_ = huma.WriteErr(api, ctx, problem.GetStatus(), problem.Error()) // fails only where the client has gone
			return
		}
		next(ctx)
	}}
	return op
}

// admit returns the problem that keeps somebody from calling an operation, nil where there is none.
func (s *Server) admit(ctx huma.Context, a access.Action, fleets bool) error {
	r, _ := humago.Unwrap(ctx)
	c, err := callerOf(r.Context())
	if err != nil {
		return s.failed(r.Context(), "session", err)
	}
	if c == nil {
		return huma.Error401Unauthorized("Log in, or send a key that is known (Authorization: Bearer).")
	}
	if c.key == nil && s.origins.Check(r) != nil {
		return errElsewhereAPI()
	}
	if !c.May(a) {
		return huma.Error403Forbidden("Your role may not do this.")
	}
	if c.key != nil && !c.key.May(a, r.Method != http.MethodGet) && (c.key.Fleet == "" || !fleets) {
		return huma.Error403Forbidden("This key has not the scope for this.")
	}
	return nil
}

// secure says whether a request came over TLS, as far as can be told.
func (s *Server) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.origin(r), "https://")
}

// keepSession is the cookie of a session.
func (s *Server) keepSession(r *http.Request, p access.Person, token string) *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Value: token, Path: "/", MaxAge: int(access.Lasts(p) / time.Second), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: s.secure(r)}
}

// dropSession is the cookie that ends a session.
func (s *Server) dropSession(r *http.Request) *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(r)}
}

// localPath returns where to go after logging in: an address of these pages, and nobody else's.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/account"
	}
	return next
}

// door is a page that only some may open.
type door struct {
	Page, Href, Text string
	Action           access.Action
}

// doors are the pages that the head of every page offers to those who may open them.
func doors() []door {
	return []door{{"crew", crewPath, "nav.crew", access.WorkOrders}, {"console", "/console", "nav.console", access.TriageOrders},
		{"supervision", supervisionPath, "nav.supervision", access.Supervise}, {"admin", "/admin", "nav.admin", access.Administer}}
}

// whoView is what the head of every page says of who is logged in.
type whoView struct {
	access.Person
	Doors []door
}

// who makes the head's view of who is logged in, nil where nobody is.
func who(ctx context.Context) *whoView {
	p, ok := personOf(ctx)
	if !ok {
		return nil
	}
	v := &whoView{Person: p}
	for _, d := range doors() {
		if p.May(d.Action) {
			v.Doors = append(v.Doors, d)
		}
	}
	return v
}
