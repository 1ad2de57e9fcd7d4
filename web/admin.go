package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	mostPeople = 500 // that are listed at once
	logSize    = 100 // lines of the log on a page
)

// section is one of the pages under /admin.
type section struct {
	Page, Href, Text string
	Action           access.Action
}

// sections are those that somebody may open.
func sections(who *whoView) (out []section) {
	for _, x := range []section{
		{"people", "/admin", "admin.people", access.Administer}, {"crews", crewsPath, "crews.nav", access.Supervise}, {"replies", repliesPath, "replies.nav", access.Supervise}, {"bodies", bodiesPath, "bodies.nav", access.Administer},
		{"deadlines", deadlinesPath, "deadlines.nav", access.Administer}, {"categories", categoriesPath, "categories.nav", access.Administer},
		{"settings", settingsPath, "settings.nav", access.Administer}, {"devices", "/admin/devices", "admin.devices", access.ManageDevices},
		{"detectors", "/admin/detectors", "admin.detectors", access.ManageDevices}, {"keys", "/admin/keys", "admin.keys", access.Administer},
		{"webhooks", webhooksPath, "admin.webhooks", access.Administer}, {"log", "/admin/log", "admin.log", access.Supervise},
	} {
		if who != nil && who.May(x.Action) {
			out = append(out, x)
		}
	}
	return out
}

// peopleView lists who can log in.
type peopleView struct {
	head
	Query       string
	People      []access.Person
	More        bool
	Roles       []access.Role
	Email, Name string // of who is being invited
	Role        access.Role
	Wrong       string
	Notice      string
	Section     string
}

func (s *face) peoplePage(w http.ResponseWriter, r *http.Request) error {
	return s.showPeople(w, r, http.StatusOK, func(v *peopleView) {
		if r.URL.Query().Get("done") == "invited" {
			v.Notice = s.texts.T("admin.invited")
		}
	})
}

func (s *face) showPeople(w http.ResponseWriter, r *http.Request, status int, change func(*peopleView)) error {
	v := &peopleView{head: head{Page: "people", Title: s.texts.T("admin.title")}, Section: "people", Roles: access.Roles(), Role: access.Dispatcher, Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	var err error
	if v.People, err = access.People(r.Context(), s.config.Pool, v.Query, mostPeople+1); err != nil {
		return err
	}
	if v.More = len(v.People) > mostPeople; v.More {
		v.People = v.People[:mostPeople]
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

// invitePost adds somebody and sends them a link to choose a password.
func (s *face) invitePost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	f := r.PostForm
	role, err := access.ParseRole(f.Get("role"))
	if err != nil {
		return badRequest(err.Error())
	}
	p := access.Person{Email: strings.TrimSpace(f.Get("email")), Name: cleanName(f.Get("name")), Role: role}
	_, wrong, err := s.invite(r.Context(), p)
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showPeople(w, r, http.StatusUnprocessableEntity, func(v *peopleView) { v.Email, v.Name, v.Role, v.Wrong = p.Email, p.Name, p.Role, wrong })
	}
	http.Redirect(w, r, "/admin?done=invited", http.StatusSeeOther)
	return nil
}

// invite adds somebody and posts their link; wrong says what is the matter with the address.
func (s *face) invite(ctx context.Context, p access.Person) (added access.Person, wrong string, err error) {
	if !isEmail(p.Email) {
		return p, s.texts.T("report.email.wrong"), nil
	}
	by, _ := personOf(ctx)
	err = pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if added, err = access.Add(ctx, tx, by.ID, p, s.config.Now()); err != nil {
			return err
		}
		return s.postLink(ctx, tx, access.Link{Person: &added}, "mail.invite", access.InviteFor)
	})
	if errors.Is(err, access.ErrKnown) {
		return p, s.texts.T("admin.known"), nil
	}
	return added, "", err
}

// personView is what administrators see of somebody.
type personView struct {
	head
	Person  access.Person
	Roles   []access.Role
	Keys    []access.Key
	Log     []logLine
	Notice  string
	Wrong   string
	Section string
	Self    bool
	Crews   []inCrew // empty: the person works on no orders
}

// inCrew is a crew, and whether somebody is in it.
type inCrew struct {
	dispatch.Team
	In bool
}

func deeds() []string { return []string{"crews", "role", "disable", "enable", "end", "link"} }

func (s *face) personPage(w http.ResponseWriter, r *http.Request) error {
	return s.showPerson(w, r, http.StatusOK, func(v *personView) {
		for _, d := range deeds() {
			if r.URL.Query().Get("done") == d {
				v.Notice = s.texts.T("admin.done." + d)
			}
		}
	})
}

func (s *face) showPerson(w http.ResponseWriter, r *http.Request, status int, change func(*personView)) error {
	ctx := r.Context()
	p, err := access.Find(ctx, s.config.Pool, r.PathValue("id"))
	if errors.Is(err, access.ErrNobody) {
		return errHidden
	}
	if err != nil {
		return err
	}
	self, _ := personOf(ctx)
	v := &personView{head: head{Page: "person", Title: p.Called()}, Person: p, Roles: access.Roles(), Section: "people", Self: p.ID == self.ID}
	if v.Keys, err = access.Keys(ctx, s.config.Pool, p.ID); err != nil {
		return err
	}
	if v.Log, err = s.readLog(ctx, access.Search{What: p.ID, Limit: 20}); err != nil {
		return err
	}
	if p.May(access.WorkOrders) {
		crews, err := dispatch.Crews(ctx, s.config.Pool, false)
		if err != nil {
			return err
		}
		for _, t := range crews {
			v.Crews = append(v.Crews, inCrew{t, slices.Contains(t.Members, p.ID)})
		}
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

func (s *face) personPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	id, deed := r.PathValue("id"), r.PostForm.Get("do")
	var err error
	if deed == "crews" {
		err = s.putInCrews(r.Context(), id, r.PostForm["crew"])
	} else {
		err = s.deal(r.Context(), id, deed, access.Role(r.PostForm.Get("role")))
	}
	switch {
	case errors.Is(err, access.ErrLastAdministrator):
		return s.showPerson(w, r, http.StatusConflict, func(v *personView) { v.Wrong = s.texts.T("admin.last") })
	case errors.Is(err, access.ErrNobody):
		return errHidden
	case err != nil:
		return err
	}
	if self, _ := personOf(r.Context()); self.ID == id && (deed == "role" || deed == "end") {
		http.Redirect(w, r, "/login", http.StatusSeeOther) // that was one's own session
		return nil
	}
	http.Redirect(w, r, "/admin/people/"+url.PathEscape(id)+"?done="+url.QueryEscape(deed), http.StatusSeeOther)
	return nil
}

// putInCrews has somebody be in these crews, as who is logged in.
func (s *face) putInCrews(ctx context.Context, id string, crews []string) error {
	by, _ := personOf(ctx)
	err := pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		if _, err := access.Find(ctx, tx, id); err != nil {
			return err
		}
		if err := dispatch.PutInCrews(ctx, tx, id, crews); err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: s.config.Now(), Person: by.ID, Action: "person.crews", What: id, Detail: strings.Join(crews, ", ")})
	})
	if errors.Is(err, dispatch.ErrUnknown) {
		return badRequest(s.texts.T("console.refused.unknown"))
	}
	return err
}

// deal does something to somebody, as who is logged in.
func (s *face) deal(ctx context.Context, id, deed string, role access.Role) error {
	by, _ := personOf(ctx)
	now := s.config.Now()
	if deed == "end" {
		if _, err := access.Find(ctx, s.config.Pool, id); err != nil {
			return err
		}
		return s.gate.EndSessions(ctx, by.ID, id, "")
	}
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		switch deed {
		case "role":
			if _, err := access.ParseRole(string(role)); err != nil {
				return badRequest(err.Error())
			}
			return access.SetRole(ctx, tx, by.ID, id, role, now)
		case "disable":
			return access.Disable(ctx, tx, by.ID, id, now)
		case "enable":
			return access.Enable(ctx, tx, by.ID, id, now)
		case "link":
			p, err := access.Find(ctx, tx, id)
			if err != nil {
				return err
			}
			if p.Disabled || p.Single {
				return badRequest("Whoever is kept out, or comes by another service, gets no link.")
			}
			if err := s.postLink(ctx, tx, access.Link{Person: &p}, "mail.invite", access.InviteFor); err != nil {
				return err
			}
			return access.Record(ctx, tx, access.Entry{At: now, Person: by.ID, Action: "person.link", What: id})
		}
		return badRequest("do is one of role, disable, enable, end, link.")
	})
}

// adminKeysView lists everybody's keys.
type adminKeysView struct {
	head
	Keys    []access.Key
	Section string
	Notice  string
}

func (s *face) adminKeysPage(w http.ResponseWriter, r *http.Request) error {
	v := &adminKeysView{head: head{Page: "adminkeys", Title: s.texts.T("admin.keys")}, Section: "keys"}
	if r.URL.Query().Get("done") == "revoked" {
		v.Notice = s.texts.T("account.done.revoked")
	}
	var err error
	if v.Keys, err = access.Keys(r.Context(), s.config.Pool, ""); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

func (s *face) adminKeysPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PostForm.Get("revoke"), 10, 64)
	if err != nil {
		return badRequest("revoke names a key.")
	}
	by, _ := personOf(r.Context())
	if err := s.revokeKey(r.Context(), by.ID, "", id); err != nil && !errors.Is(err, access.ErrNoKey) {
		return err
	}
	http.Redirect(w, r, "/admin/keys?done=revoked", http.StatusSeeOther)
	return nil
}

// logLine is one line of the audit log, with the people in it as they are called now.
type logLine struct {
	access.Entry
	Who   string // empty: the command line, or nobody who is known
	Whom  string // empty: it was not done to a person
	Href  string // of that person; empty: who reads this may not open it
	Words string // what was done
}

// logView is a page of the audit log.
type logView struct {
	head
	Lines                []logLine
	By, What, Act, Older string
	Query                template.URL // of the address, without the page
	Text, From, Till     string       // days as 2006-01-02; Till is the last of them
	Actions              []string
	Section              string
}

// kindsOfAction are how actions in the log begin, as one can look for them.
func kindsOfAction() []string {
	return []string{"person", "password", "session", "key", "device", "code", "detector", "order", "body", "works", "settings", "categories", "webhook", "mail", "crew", "reply", "import"}
}

func (s *face) logPage(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	asked := askedLog(q)
	v := &logView{head: head{Page: "log", Title: s.texts.T("admin.log")}, Section: "log", By: asked.by, What: asked.what, Act: asked.action, Actions: kindsOfAction(),
		Text: asked.text, From: asked.from, Till: asked.till, Query: template.URL(asked.query())} //nolint:gosec // it is encoded
	search, err := s.searchLog(ctx, asked)
	if err != nil {
		return err
	}
	search.Limit = logSize + 1
	if v.Lines, err = s.readLog(ctx, search); err != nil {
		return err
	}
	if len(v.Lines) > logSize {
		v.Lines = v.Lines[:logSize]
		q.Set("before", fmt.Sprint(v.Lines[logSize-1].N))
		v.Older = "/admin/log?" + q.Encode()
	}
	return s.render(w, r, http.StatusOK, "base", v)
}

// logAsked is a search of the log as an address has it.
type logAsked struct{ by, what, action, text, from, till, before string }

func askedLog(q url.Values) logAsked {
	return logAsked{strings.TrimSpace(q.Get("by")), strings.TrimSpace(q.Get("what")), q.Get("action"), strings.TrimSpace(q.Get("text")), q.Get("from"), q.Get("till"), q.Get("before")}
}

// query is the address's query, but for the page.
func (a logAsked) query() string {
	q := url.Values{}
	for key, value := range map[string]string{"by": a.by, "what": a.what, "action": a.action, "text": a.text, "from": a.from, "till": a.till} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q.Encode()
}

// searchLog reads a search of the log; people can be named by address or by id. Days are UTC, as the log's times are.
func (s *Server) searchLog(ctx context.Context, q logAsked) (access.Search, error) {
	search := access.Search{Person: q.by, What: q.what, Action: q.action, Text: q.text}
	for _, day := range []struct {
		text string
		at   *time.Time
	}{{q.from, &search.From}, {q.till, &search.Till}} {
		if day.text == "" {
			continue
		}
		var err error
		if *day.at, err = time.Parse(time.DateOnly, day.text); err != nil {
			return search, badRequest("A day is written as 2026-03-11.")
		}
	}
	if q.till != "" {
		search.Till = search.Till.AddDate(0, 0, 1)
	}
	for _, id := range []*string{&search.Person, &search.What} {
		if !strings.Contains(*id, "@") {
			continue
		}
		p, err := access.FindEmail(ctx, s.config.Pool, *id)
		if err == nil {
			*id = p.ID
		} else if !errors.Is(err, access.ErrNobody) {
			return search, err
		}
	}
	if q.before != "" {
		n, err := strconv.ParseInt(q.before, 10, 64)
		if err != nil {
			return search, badRequest("before is a line's number.")
		}
		search.Before = n
	}
	return search, nil
}

// readLog reads lines of the log and names the people in them.
func (s *face) readLog(ctx context.Context, search access.Search) ([]logLine, error) {
	entries, err := access.Log(ctx, s.config.Pool, search)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.Person, e.What)
	}
	called, err := access.CalledByID(ctx, s.config.Pool, ids)
	if err != nil {
		return nil, err
	}
	reader, _ := personOf(ctx)
	out := make([]logLine, 0, len(entries))
	for _, e := range entries {
		line := logLine{Entry: e, Who: called[e.Person], Whom: called[e.What], Words: e.Action}
		if key := "log." + e.Action; s.texts.Has(key) {
			line.Words = s.texts.T(key)
		}
		if line.Whom != "" && reader.May(access.Administer) {
			line.Href = "/admin/people/" + line.What
		}
		out = append(out, line)
	}
	return out, nil
}
