package web

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/streetpulse/streetpulse/dispatch"
)

// mayCrew says whether a deed is one of a crew's: the others are done at the console.
func mayCrew(d Deed) bool {
	switch d.Do {
	case "start", "repair", "reclass", "note", "spend":
		return true
	case "dismiss":
		return d.Verdict == string(dispatch.NotFound) || d.Verdict == string(dispatch.NotDefect)
	}
	return false
}

// crewForm is what a crew has filled in.
type crewForm struct {
	url.Values
	photos []takenPhoto
}

type takenPhoto struct {
	photo
	taken dispatch.Taken
}

// deeds are what a form asks for, first to last: one thing may be done with the order, costs may be noted, and words written.
func (s *face) deeds(f crewForm) (out []Deed, err error) {
	given, err := s.deedOf(f.Values)
	if err != nil {
		return nil, err
	}
	if given.Do == "other" {
		given.Do, given.Class = "reclass", f.Get("is")
		switch f.Get("is") {
		case "speed_bump":
			given.Do, given.Class, given.Verdict, given.Found = "dismiss", "", string(dispatch.NotDefect), "speed_bump"
		case "nothing":
			given.Do, given.Class, given.Verdict = "dismiss", "", string(dispatch.NotDefect)
		}
	}
	what := given.What
	given.What = ""
	if given.Do != "note" || given.Reason != "" {
		out = append(out, given)
	}
	if what != "" {
		out = append(out, Deed{Do: "spend", What: what, Quantity: given.Quantity, Unit: given.Unit, Cents: given.Cents})
	}
	return out, nil
}

// crewPost does what a form asks for, for those without scripts. Its key makes that happen once.
func (s *face) crewPost(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	form, wrong, err := s.readCrewForm(w, r)
	if err != nil {
		return err
	}
	if wrong != "" {
		return s.showCrew(w, r, http.StatusUnprocessableEntity, wrong)
	}
	d, err := s.consoleDesk(ctx)
	if err != nil {
		return err
	}
	by, err := s.crewBy(ctx, d.now)
	if err != nil {
		return err
	}
	said := "done"
	if form.Get("do") == "undo" {
		said = "undone"
		undone, wrong := d.Undo(ctx, by)
		for _, u := range undone {
			wrong = errors.Join(wrong, u.Err)
		}
		err = wrong
	} else {
		err = s.doForm(ctx, d, id, by, form)
	}
	if err == nil {
		http.Redirect(w, r, crewPath+"/orders/"+url.PathEscape(id)+"?said="+said, http.StatusSeeOther)
		return nil
	}
	words, ok := s.refused(ctx, err, d)
	if !ok {
		return err
	}
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, dispatch.ErrChanged):
		status = http.StatusConflict
	case errors.Is(err, dispatch.ErrNotFound), errors.Is(err, dispatch.ErrElsewhere):
		return errHidden
	}
	return s.showCrew(w, r, status, words)
}

// doForm does what a form asks for, in one stroke.
func (s *face) doForm(ctx context.Context, d consoleDesk, id string, by dispatch.By, form crewForm) error {
	key := form.Get("key")
	if len(key) > 40 {
		return badRequest("The form's key is too long.")
	}
	by.Batch = batchName(key)
	named := func(what string) string {
		if key == "" {
			return ""
		}
		return key + "/" + what
	}
	by.Seen, _ = strconv.ParseInt(form.Get("seen"), 10, 64)
	deeds, err := s.deeds(form)
	if err != nil {
		return err
	}
	for _, given := range deeds {
		if !mayCrew(given) {
			return badRequest(s.texts.T("crew.console"))
		}
		x, err := s.action(ctx, given)
		if err != nil {
			return err
		}
		by.Key, by.Reason = named(given.Do), given.Reason
		if _, err := d.Act(ctx, id, by, x); err != nil {
			return err
		}
		by.Seen = 0 // what follows adds to it
	}
	by.Reason, by.Seen = "", 0
	for i, p := range form.photos {
		by.Key = named("photo" + strconv.Itoa(i))
		if _, err := d.Act(ctx, id, by, dispatch.Photograph{Taken: p.taken, JPEG: p.JPEG, Width: p.Width, Height: p.Height}); err != nil {
			return err
		}
	}
	return nil
}

// crewFields are the form's fields that hold photos.
func crewFields() []string { return []string{"before", "after", "photo"} }

// readCrewForm reads a form with photos, or returns what is wrong with it.
func (s *face) readCrewForm(w http.ResponseWriter, r *http.Request) (f crewForm, wrong string, err error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		f.Values, err = posted(w, r)
		return f, "", err
	}
	r.Body = http.MaxBytesReader(w, r.Body, 3*mostPhotoBytes+1<<20)
	parts, err := r.MultipartReader()
	if err != nil {
		return f, "", badRequest("The form cannot be read.")
	}
	f.Values = url.Values{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, wrong, nil
		}
		if err != nil {
			return f, "", badRequest("The form cannot be read.")
		}
		if why, err := s.readCrewPart(r.Context(), part, &f); err != nil {
			return f, "", err
		} else if wrong == "" {
			wrong = why
		}
	}
}

// readCrewPart reads one field or photo, or returns what is wrong with it.
func (s *face) readCrewPart(ctx context.Context, part *multipart.Part, f *crewForm) (string, error) {
	name, limit := part.FormName(), int64(8<<10)
	isPhoto := slices.Contains(crewFields(), name)
	if isPhoto {
		limit = mostPhotoBytes + 1
	}
	b, err := io.ReadAll(io.LimitReader(part, limit))
	if err != nil {
		return "", badRequest("The form cannot be read.")
	}
	if !isPhoto {
		f.Add(name, textOf(string(b)))
		return "", nil
	}
	if len(b) == 0 {
		return "", nil // no photo was chosen
	}
	p, err := s.cityPhotos.readPhoto(ctx, b)
	if err != nil {
		return s.photoWrong(err)
	}
	taken := dispatch.Taken(name)
	if name == "photo" {
		taken = dispatch.SomeTime
	}
	f.photos = append(f.photos, takenPhoto{p, taken})
	return "", nil
}
