package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/ingest"
)

// detectorsView is the page of what was given out to the detectors.
type detectorsView struct {
	head
	Section   string
	Kinds     []kindOfDetector
	Revisions []revisionLine
	Fields    []parameterField
	Profile   string // in the form
	Share     string // percent
	Note      string
	Wrong     string
	Notice    string
}

// kindOfDetector is a kind of device and which revisions its devices say that they have.
type kindOfDetector struct {
	Profile string
	Devices int // heard within 14 days
	Using   []usedRevision
}

type usedRevision struct {
	Revision int64 // 0: what there was before any was given out, or the device does not say
	Devices  int
	Percent  string
}

// revisionLine is a revision as the page shows it.
type revisionLine struct {
	ingest.Revision
	Percent string             // its share
	All     bool               // it is for all
	Of      int                // devices of its kind, heard within 14 days
	Has     int                // of those, that say that they have it
	Others  []changedParameter // than the standard ones
}

type changedParameter struct {
	Name, Key       string
	Value, Standard float64
}

// parameterField is one of the detector's parameters in the form.
type parameterField struct {
	Name, Key string // in JSON; of its text
	Value     string
	Low, High float64
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', -1, 64) }

// errProfile is returned for what no topic can be called by.
var errProfile = errors.New("a kind of device is called by small letters, figures, - and _, 64 at most")

func isProfile(name string) bool {
	ok, err := regexp.MatchString(`^[a-z0-9_-]{1,64}$`, name)
	return ok && err == nil
}

func (s *face) detectorsPage(w http.ResponseWriter, r *http.Request) error {
	from := r.URL.Query().Get("from")
	return s.showDetectors(w, r, http.StatusOK, func(v *detectorsView) {
		if done := r.URL.Query().Get("done"); done != "" && s.texts.Has("detectors.done."+done) {
			v.Notice = s.texts.T("detectors.done." + done)
		}
		for _, l := range v.Revisions {
			var p detector.Parameters
			if fmt.Sprint(l.Revision.Revision) == from && json.Unmarshal(l.Parameters, &p) == nil {
				v.Profile, v.Fields = l.Profile, fieldsOf(p)
			}
		}
	})
}

func (s *face) showDetectors(w http.ResponseWriter, r *http.Request, status int, more func(*detectorsView)) error {
	v := &detectorsView{head: head{Page: "detectors", Title: s.texts.T("admin.detectors")}, Section: "detectors", Profile: "vehicle", Share: "10", Fields: fieldsOf(detector.Standard())}
	revisions, err := ingest.Revisions(r.Context(), s.config.Pool, "")
	if err != nil {
		return err
	}
	using, err := ingest.DetectorsInUse(r.Context(), s.config.Pool, s.config.Now())
	if err != nil {
		return err
	}
	v.Kinds = kindsOf(using)
	for _, rev := range revisions {
		l := revisionLine{Revision: rev, Percent: percent(rev.Share), All: rev.Share >= 1}
		for _, k := range v.Kinds {
			if k.Profile != rev.Profile {
				continue
			}
			l.Of = k.Devices
			for _, u := range k.Using {
				if u.Revision == rev.Revision {
					l.Has = u.Devices
				}
			}
		}
		l.Others = changed(rev.Parameters)
		v.Revisions = append(v.Revisions, l)
	}
	more(v)
	return s.render(w, r, status, "base", v)
}

// kindsOf sums what devices say that they have up by kind.
func kindsOf(using []ingest.DetectorUse) (out []kindOfDetector) {
	for _, u := range using { // by kind
		if len(out) == 0 || out[len(out)-1].Profile != u.Profile {
			out = append(out, kindOfDetector{Profile: u.Profile})
		}
		k := &out[len(out)-1]
		k.Devices += u.Devices
		k.Using = append(k.Using, usedRevision{Revision: u.Revision, Devices: u.Devices})
	}
	for _, k := range out {
		for i, u := range k.Using {
			k.Using[i].Percent = strconv.FormatFloat(100*float64(u.Devices)/float64(k.Devices), 'f', 0, 64)
		}
	}
	return out
}

// changed returns in what parameters differ from the standard ones.
func changed(text []byte) (out []changedParameter) {
	p, standard := detector.Standard(), map[string]float64{}
	p.Each(func(name string, value *float64, _, _ float64) { standard[name] = *value })
	if json.Unmarshal(text, &p) != nil {
		return nil
	}
	p.Each(func(name string, value *float64, _, _ float64) {
		if *value != standard[name] {
			out = append(out, changedParameter{name, "parameter." + name, *value, standard[name]})
		}
	})
	return out
}

func fieldsOf(p detector.Parameters) (out []parameterField) {
	p.Each(func(name string, value *float64, low, high float64) {
		out = append(out, parameterField{name, "parameter." + name, strconv.FormatFloat(*value, 'f', -1, 64), low, high})
	})
	return out
}

// detectorsPost gives parameters out, changes a share, or rolls back.
func (s *face) detectorsPost(w http.ResponseWriter, r *http.Request) error {
	if err := readFields(w, r); err != nil {
		return err
	}
	ctx, form := r.Context(), r.PostForm
	share, errShare := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(form.Get("share")), ",", "."), 64)
	revision, errRevision := strconv.ParseInt(form.Get("revision"), 10, 64)
	var done string
	var err error
	switch do := form.Get("do"); {
	case do == "back" && errRevision == nil:
		done, err = "back", s.takeBack(ctx, revision)
	case do == "share" && errRevision == nil:
		if errShare != nil || !(share >= 0 && share <= 100) {
			return s.showDetectors(w, r, http.StatusUnprocessableEntity, func(v *detectorsView) { v.Wrong = s.texts.T("detectors.wrong.share") })
		}
		done, err = "share", s.setShare(ctx, revision, share/100)
	case do == "give":
		fields := fieldsOf(detector.Standard())
		wrong := ""
		if errShare != nil || !(share > 0 && share <= 100) {
			wrong = s.texts.T("detectors.wrong.share")
		}
		text := s.parameters(form.Get, fields, &wrong)
		if profile := form.Get("profile"); wrong == "" {
			_, err = s.rollOut(ctx, ingest.Revision{Profile: profile, Parameters: text, Share: share / 100, Note: cleanName(form.Get("note"))})
			if errors.Is(err, errProfile) {
				wrong, err = s.texts.T("detectors.wrong.profile"), nil
			}
		}
		if wrong != "" {
			return s.showDetectors(w, r, http.StatusUnprocessableEntity, func(v *detectorsView) {
				v.Wrong, v.Profile, v.Share, v.Note, v.Fields = wrong, form.Get("profile"), form.Get("share"), form.Get("note"), fields
			})
		}
		done = "give"
	default:
		return badRequest("do is give, share or back.")
	}
	if errors.Is(err, ingest.ErrNoRevision) {
		done = "gone"
	} else if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/detectors?done="+done, http.StatusSeeOther)
	return nil
}

// parameters reads the parameters of a form into its fields and as JSON; what is out of range is wrong.
func (s *face) parameters(get func(string) string, fields []parameterField, wrong *string) json.RawMessage {
	p := detector.Standard()
	at := 0
	p.Each(func(name string, value *float64, low, high float64) {
		f := &fields[at]
		at++
		if f.Value = strings.ReplaceAll(strings.TrimSpace(get(name)), ",", "."); f.Value == "" {
			f.Value = strconv.FormatFloat(*value, 'f', -1, 64)
		}
		n, err := strconv.ParseFloat(f.Value, 64)
		if err != nil || !(n >= low && n <= high) {
			*wrong = s.texts.T("detectors.wrong.parameter", "name", s.texts.T(f.Key), "low", low, "high", high)
			return
		}
		*value = n
	})
	text, err := json.Marshal(p)
	if err != nil { // numbers always marshal, now that they are in range
		*wrong = err.Error()
	}
	return text
}

// rollOut gives parameters out as who is logged in. It returns detector.ErrParameters, or errProfile.
func (s *Server) rollOut(ctx context.Context, r ingest.Revision) (ingest.Revision, error) {
	if !isProfile(r.Profile) {
		return r, errProfile
	}
	p, err := detector.Parse(r.Parameters)
	if err != nil {
		return r, err
	}
	if r.Parameters, err = json.Marshal(p); err != nil { // devices are sent all of them, as they were when they were tried
		return r, fmt.Errorf("give parameters out: %w", err)
	}
	r.At = s.config.Now().UTC()
	err = s.rolling(ctx, "detector.rollout", func(tx pgx.Tx) (int64, string, error) {
		r.Revision, err = ingest.GiveOut(ctx, tx, r)
		return r.Revision, fmt.Sprintf("%s, %g %%", r.Profile, 100*r.Share), err
	})
	return r, err
}

func (s *Server) setShare(ctx context.Context, revision int64, share float64) error {
	return s.rolling(ctx, "detector.share", func(tx pgx.Tx) (int64, string, error) {
		return revision, fmt.Sprintf("%g %%", 100*share), ingest.SetShare(ctx, tx, revision, share)
	})
}

func (s *Server) takeBack(ctx context.Context, revision int64) error {
	return s.rolling(ctx, "detector.rollback", func(tx pgx.Tx) (int64, string, error) {
		return revision, "", ingest.TakeBack(ctx, tx, revision, s.config.Now().UTC())
	})
}

// rolling changes what devices are given and notes who did it.
func (s *Server) rolling(ctx context.Context, action string, do func(pgx.Tx) (revision int64, detail string, err error)) error {
	by, _ := personOf(ctx)
	return pgx.BeginFunc(ctx, s.config.Pool, func(tx pgx.Tx) error {
		revision, detail, err := do(tx)
		if err != nil {
			return err
		}
		return access.Record(ctx, tx, access.Entry{At: s.config.Now(), Person: by.ID, Action: action, What: fmt.Sprint(revision), Detail: detail})
	})
}

// Profiles are the kinds of device to choose from: those that there are, and those that are usual.
func (v *detectorsView) Profiles() []string {
	out := []string{"phone", "vehicle"}
	for _, k := range v.Kinds {
		if isProfile(k.Profile) && !slices.Contains(out, k.Profile) {
			out = append(out, k.Profile)
		}
	}
	for _, l := range v.Revisions {
		if !slices.Contains(out, l.Profile) {
			out = append(out, l.Profile)
		}
	}
	return out
}
