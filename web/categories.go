package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

const (
	categoriesPath   = "/admin/categories"
	mostCategories   = 60 // with those that are retired
	mostCategoryName = 60 // letters
)

// categoryRow is a category as it stands in the form.
type categoryRow struct {
	city.Category
	N      int // its place, from 1
	En, De string
	New    bool
}

// categoriesView is the page of what residents can report.
type categoriesView struct {
	head
	refusal
	Section string
	Notice  string
	Version int64
	Rows    []categoryRow
	Classes []crowd.Class
}

// reportableClasses are the classes that a report can be evidence for.
func reportableClasses() []crowd.Class {
	return []crowd.Class{crowd.Pothole, crowd.Casting, crowd.Joint, crowd.Rail}
}

// classOf is the class of place that a category is evidence for.
func classOf(c city.Category) crowd.Class {
	if class := crowd.Class(c.Class); slices.Contains(reportableClasses(), class) {
		return class
	}
	return crowd.Nothing
}

func (s *face) categoriesPage(w http.ResponseWriter, r *http.Request) error {
	set, err := city.LoadCategories(r.Context(), s.config.Pool)
	if err != nil {
		return err
	}
	return s.showCategories(w, r, http.StatusOK, set, func(v *categoriesView) {
		if r.URL.Query().Get("done") == "saved" {
			v.Notice = s.texts.T("categories.saved")
		}
	})
}

func (s *face) showCategories(w http.ResponseWriter, r *http.Request, status int, set city.Categories, change func(*categoriesView)) error {
	v := &categoriesView{head: head{Page: "categories", Title: s.texts.T("categories.title")}, Section: "categories", refusal: refusal{Wrong: map[string]string{}},
		Version: set.Version, Classes: reportableClasses()}
	for i, c := range set.List {
		v.Rows = append(v.Rows, categoryRow{Category: c, N: i + 1, En: c.Names["en"], De: c.Names["de"], New: c.ID == ""})
	}
	if len(v.Rows) < mostCategories && (len(v.Rows) == 0 || !v.Rows[len(v.Rows)-1].New) {
		v.Rows = append(v.Rows, categoryRow{N: len(v.Rows) + 1, New: true})
	}
	var err error
	if v.Log, err = s.readLog(r.Context(), access.Search{Action: "categories.", Limit: 20}); err != nil {
		return err
	}
	change(v)
	return s.render(w, r, status, "base", v)
}

func (s *face) categoriesPost(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read.")
	}
	asText(r.PostForm)
	set, err := readCategories(r.PostForm)
	if err != nil {
		return err
	}
	faults := categoryFaults(set)
	if len(faults) > 0 {
		return s.showCategories(w, r, http.StatusUnprocessableEntity, set, func(v *categoriesView) { v.Wrong = s.wrongs(faults) })
	}
	after, err := s.saveCategories(r.Context(), set)
	if errors.Is(err, city.ErrChanged) {
		set.Version = after.Version
		return s.showCategories(w, r, http.StatusConflict, set, func(v *categoriesView) {
			v.overtaken(s.texts.T("admin.stale", "what", s.texts.T("categories.title")))
		})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, categoriesPath+"?done=saved", http.StatusSeeOther)
	return nil
}

// readCategories reads the rows of a form, in the order of their numbers; a new row without names is none.
func readCategories(f map[string][]string) (set city.Categories, err error) {
	one := func(name string, i int) string {
		if i < len(f[name]) {
			return strings.Join(strings.Fields(strings.ToValidUTF8(f[name][i], "")), " ")
		}
		return ""
	}
	set.Version, _ = strconv.ParseInt(one("version", 0), 10, 64)
	if len(f["id"]) > mostCategories {
		return set, badRequest("That are too many categories.")
	}
	type placed struct {
		city.Category
		at float64
	}
	var rows []placed
	for i := range f["id"] {
		c := city.Category{ID: one("id", i), Names: map[string]string{"en": one("en", i), "de": one("de", i)}, Class: one("class", i)}
		if c.ID == "" && c.Names["en"]+c.Names["de"] == "" {
			continue
		}
		c.Retired = c.ID != "" && slices.Contains(f["retired"], c.ID)
		at, ok := decimal(one("place", i))
		if !ok {
			at = float64(i + 1)
		}
		rows = append(rows, placed{c, at})
	}
	slices.SortStableFunc(rows, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	for _, r := range rows {
		set.List = append(set.List, r.Category)
	}
	return set, nil
}

// categoryFaults says all that is wrong with categories. Fields are those of their place in the list, from 0.
func categoryFaults(set city.Categories) (out dispatch.Faults) {
	add := func(field, kind, text string, pairs ...any) {
		out = append(out, dispatch.NewFault(field, kind, text, pairs...))
	}
	if len(set.List) > mostCategories {
		add("", "category.many", "there are at most {most}", "most", mostCategories)
	}
	if len(set.Offered()) == 0 {
		add("", "category.none", "one of them at least can be reported")
	}
	named, ids := map[string]bool{}, map[string]bool{}
	for i, c := range set.List {
		for _, language := range languages() {
			name := c.Names[language]
			if n := utf8.RuneCountInString(name); n < 1 || n > mostCategoryName {
				add(fmt.Sprint(language, i), "category.name", "a name has 1 to {most} letters, in every language", "most", mostCategoryName)
			}
			key := language + "\n" + strings.ToLower(name)
			if !c.Retired && name != "" && named[key] {
				add(fmt.Sprint(language, i), "category.twice", "two are called {name}", "name", name)
			}
			named[key] = named[key] || !c.Retired
		}
		if c.Class != "" && !slices.Contains(reportableClasses(), crowd.Class(c.Class)) {
			add(fmt.Sprint("class", i), "category.class", "it is one of {classes}, or of none", "classes", reportableClasses())
		}
		if c.ID != "" && ids[c.ID] {
			add("", "category.twice", "two are called {name}", "name", c.ID)
		}
		ids[c.ID] = true
	}
	return out
}

// saveCategories stores them, as who is logged in.
func (s *Server) saveCategories(ctx context.Context, set city.Categories) (after city.Categories, err error) {
	err = s.administering(ctx, func(tx pgx.Tx) (access.Entry, error) {
		before, changed, err := city.ChangeCategories(ctx, tx, set)
		after = changed
		return access.Entry{Action: "categories.change", What: fmt.Sprint("categories-", changed.Version), Detail: categoriesSince(before, changed)}, err
	})
	return after, err
}

// categoriesSince says in words what is different, for the log.
func categoriesSince(before, after city.Categories) string {
	var out, was, is []string
	words := func(c city.Category) string {
		text := c.Names["en"] + " / " + c.Names["de"]
		if c.Class != "" {
			text += " (" + c.Class + ")"
		}
		if c.Retired {
			text += ", retired"
		}
		return text
	}
	for _, c := range after.List {
		is = append(is, c.ID)
		old, known := before.Find(c.ID)
		switch {
		case !known:
			out = append(out, c.ID+": new, "+words(c))
		case words(old) != words(c):
			out = append(out, c.ID+": "+words(old)+" → "+words(c))
		}
	}
	for _, c := range before.List {
		was = append(was, c.ID)
	}
	if moved := slices.DeleteFunc(slices.Clone(is), func(id string) bool { return !slices.Contains(was, id) }); !slices.Equal(moved, was) {
		out = append(out, "order: "+strings.Join(is, ", "))
	}
	return strings.Join(out, "; ")
}
