package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
)

// accountView is what somebody sees of what is their own.
type accountView struct {
	head
	Person    access.Person
	Languages []tongue
	Sessions  []sessionView
	Reports   []ownReport
	Votes     []ownVote
	Follows   []ownFollow
	Notice    string
	Wrong     map[string]string // what is wrong with a field, by its id
	Least     int

	Keys               []access.Key
	Owners             bool           // can make keys for the owners of fleets
	Scopes             []access.Scope // that a key can have; none: this role makes no keys
	Lives              []int
	NewKey, NewKeyName string // just made
}

type sessionView struct {
	access.Session
	Browser string
}

// ownReport is a report that somebody sent from their address and confirmed.
type ownReport struct {
	What  string
	At    time.Time
	Place *titled // nil: not known yet, or not public
}

// ownVote is what somebody said of a place within the term of the key that tells people apart.
type ownVote struct {
	Vote  crowd.Vote
	At    time.Time
	Place titled
}

type ownFollow struct {
	ID    int64
	At    time.Time
	Place *titled
}

// accountNotices are what can have been done on the account's page.
func accountNotices() []string {
	return []string{"saved", "password", "ended", "unfollowed", "revoked"}
}

func (s *face) accountPage(w http.ResponseWriter, r *http.Request) error {
	return s.showAccount(w, r, http.StatusOK, func(v *accountView) {
		if done := r.URL.Query().Get("done"); slices.Contains(accountNotices(), done) {
			v.Notice = s.texts.T("account.done." + done)
		}
	})
}

// showAccount answers with the account's page; change has the last word.
func (s *face) showAccount(w http.ResponseWriter, r *http.Request, status int, change func(*accountView)) error {
	ctx := r.Context()
	c, err := callerOf(ctx)
	if err != nil {
		return err
	}
	v := &accountView{head: head{Page: "account", Title: s.texts.T("account.title")}, Person: c.Person, Least: access.LeastPassword, Wrong: map[string]string{}}
	for _, code := range languages() {
		v.Languages = append(v.Languages, tongue{Code: code, Name: s.faces[code].texts.T("lang.name"), Current: code == c.Language})
	}
	list, err := s.gate.Sessions(ctx, c.Person, c.token)
	if err != nil {
		return err
	}
	for _, session := range list {
		v.Sessions = append(v.Sessions, sessionView{session, browserName(session.Agent)})
	}
	v.Owners = c.May(access.ManageDevices)
	if v.Scopes, v.Lives = access.ScopesOf(c.Role), lives(); len(v.Scopes) > 0 {
		if v.Keys, err = access.Keys(ctx, s.config.Pool, c.ID); err != nil {
			return err
		}
	}
	if err := s.fillOwn(ctx, v); err != nil {
		return err
	}
	if err := s.fillVotes(ctx, v); err != nil {
		return err
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

const mostOwn = 100 // reports, votes and follows that are listed

// fillOwn reads what somebody reported, said and follows.
func (s *face) fillOwn(ctx context.Context, v *accountView) error {
	type row struct {
		id    int64
		place *string
		a, b  string
		at    time.Time
	}
	read := func(sql string, args ...any) ([]row, error) {
		rows, err := s.config.Pool.Query(ctx, sql, args...)
		if err != nil {
			return nil, fmt.Errorf("read an account: %w", err)
		}
		list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
			var o row
			return o, r.Scan(&o.id, &o.place, &o.a, &o.b, &o.at)
		})
		if err != nil {
			return nil, fmt.Errorf("read an account: %w", err)
		}
		return list, nil
	}
	reports, err := read(`select 0::bigint, place, category, street, created_at from reports
		where lower(email) = $1 and email <> '' and confirmed_at is not null order by created_at desc limit $2`, v.Person.Email, mostOwn)
	if err != nil {
		return err
	}
	follows, err := read(`select id, place, '', '', created_at from follows where lower(email) = $1 and confirmed_at is not null
		order by created_at desc limit $2`, v.Person.Email, mostOwn)
	if err != nil {
		return err
	}
	var ids []string
	for _, o := range slices.Concat(reports, follows) {
		if o.place != nil {
			ids = append(ids, *o.place)
		}
	}
	places, err := s.titledByID(ctx, ids)
	if err != nil {
		return err
	}
	categories, err := city.LoadCategories(ctx, s.config.Pool)
	if err != nil {
		return err
	}
	for _, o := range reports {
		v.Reports = append(v.Reports, ownReport{s.reportTitle(categories, o.a, o.b), o.at, places.of(o.place)})
	}
	for _, o := range follows {
		v.Follows = append(v.Follows, ownFollow{o.id, o.at, places.of(o.place)})
	}
	return nil
}

// fillVotes reads what somebody said of places since the key that tells people apart was made.
func (s *face) fillVotes(ctx context.Context, v *accountView) error {
	k, err := s.hashKey(ctx)
	if err != nil {
		return err
	}
	said, err := crowd.SaidBy(ctx, s.config.Pool, k.voterOf(v.Person), mostOwn)
	if err != nil {
		return err
	}
	var ids []string
	for _, o := range said {
		ids = append(ids, o.Place)
	}
	places, err := s.titledByID(ctx, ids)
	if err != nil {
		return err
	}
	for _, o := range said {
		if p, ok := places[o.Place]; ok {
			v.Votes = append(v.Votes, ownVote{o.Vote, o.At, p})
		}
	}
	return nil
}

// titledPlaces are public places by their ids.
type titledPlaces map[string]titled

func (t titledPlaces) of(id *string) *titled {
	if id == nil {
		return nil
	}
	if p, ok := t[*id]; ok {
		return &p
	}
	return nil
}

// titledByID describes those of the places that are public.
func (s *face) titledByID(ctx context.Context, ids []string) (titledPlaces, error) {
	out := titledPlaces{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := s.query(ctx, fromSights, "p.id = any($2::text[])", "order by p.id", ids)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		out[f.ID] = s.describe(f)
	}
	return out, nil
}

// accountPost takes the name and the language.
func (s *face) accountPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	p, _ := personOf(r.Context())
	language := r.PostForm.Get("language")
	if language != "" && s.faces[language] == nil {
		return badRequest("That language is not spoken here.")
	}
	if err := s.rename(r.Context(), p, cleanName(r.PostForm.Get("name")), language); err != nil {
		return err
	}
	if language != "" {
		http.SetCookie(w, keepLanguage(language))
	}
	http.Redirect(w, r, accountAddress("saved"), http.StatusSeeOther)
	return nil
}

func (s *Server) rename(ctx context.Context, p access.Person, name, language string) error {
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		return access.Rename(ctx, tx, p.ID, p.ID, name, language, s.config.Now())
	})
}

func (s *face) passwordPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	field, text, status, err := s.changePassword(r, r.PostForm.Get("old"), r.PostForm.Get("new"))
	if err != nil {
		return err
	}
	if text != "" {
		return s.showAccount(w, r, status, func(v *accountView) { v.Wrong[field] = text })
	}
	http.Redirect(w, r, accountAddress("password"), http.StatusSeeOther)
	return nil
}

// changePassword changes the password of who is logged in, who must know the old one; a text says what is wrong with which
// field. All other sessions end.
func (s *face) changePassword(r *http.Request, old, fresh string) (field, text string, status int, err error) {
	c, err := callerOf(r.Context())
	if err != nil {
		return "", "", 0, err
	}
	from, err := s.comesFrom(r)
	if err != nil {
		return "", "", 0, err
	}
	err = s.gate.Check(r.Context(), c.Person, old, from)
	var wrong access.Wrong
	if errors.As(err, &wrong) {
		return "old", s.texts.T("account.password.old.wrong"), http.StatusUnprocessableEntity, nil
	}
	if text, status := s.loginRefusal(err); text != "" {
		return "old", text, status, nil
	}
	if err == nil {
		err = s.gate.SetPassword(r.Context(), c.Person, fresh, c.token)
	}
	if errors.Is(err, access.ErrWeak) {
		return "new", s.weak(), http.StatusUnprocessableEntity, nil
	}
	return "", "", http.StatusOK, err
}

// sessionsPost ends one session, or all others.
func (s *face) sessionsPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	c, err := callerOf(r.Context())
	if err != nil {
		return err
	}
	switch which := r.PostForm.Get("end"); which {
	case "others":
		err = s.gate.EndSessions(r.Context(), c.ID, c.ID, c.token)
	default:
		id, wrong := strconv.ParseInt(which, 10, 64)
		if wrong != nil {
			return badRequest("end names a session.")
		}
		if err = s.gate.EndSession(r.Context(), c.ID, id); errors.Is(err, access.ErrNoSession) {
			err = nil // it has ended
		}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, accountAddress("ended")+"#sessions", http.StatusSeeOther)
	return nil
}

// followsPost stops following a place.
func (s *face) followsPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PostForm.Get("stop"), 10, 64)
	if err != nil {
		return badRequest("stop names a place that is followed.")
	}
	p, _ := personOf(r.Context())
	if err := s.unfollow(r.Context(), p, id); err != nil {
		return err
	}
	http.Redirect(w, r, accountAddress("unfollowed")+"#own", http.StatusSeeOther)
	return nil
}

func (s *Server) unfollow(ctx context.Context, p access.Person, id int64) error {
	if _, err := s.config.Pool.Exec(ctx, `delete from follows where id = $1 and lower(email) = $2`, id, p.Email); err != nil {
		return fmt.Errorf("stop following: %w", err)
	}
	return nil
}

// browserName makes of what a browser calls itself what people call it. All pretend to be others: the order matters.
func browserName(agent string) string {
	find := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := find([][2]string{{"Firefox/", "Firefox"}, {"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Chrome/", "Chrome"}, {"CriOS", "Chrome"}, {"FxiOS", "Firefox"}, {"Safari/", "Safari"}})
	system := find([][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	switch {
	case browser != "" && system != "":
		return browser + ", " + system
	case browser+system != "":
		return browser + system
	}
	name, _, _ := strings.Cut(agent, "/")
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40])
	}
	return name
}
