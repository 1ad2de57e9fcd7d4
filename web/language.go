package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/text/language"
)

// languages are those that every page speaks, the first of them where nothing else is asked for. Each has a file in
// text/.
func languages() []string { return []string{"en", "de"} }

// face is the server as it speaks one language.
type face struct {
	*Server
	language string
	texts    texts
	pages    pageSet
}

func (s *Server) makeFaces() error {
	s.faces = map[string]*face{}
	var tags []language.Tag
	for _, code := range languages() {
		f := &face{Server: s, language: code}
		var err error
		if f.texts, err = readTexts(code); err != nil {
			return err
		}
		f.pages = f.readPages()
		s.faces[code] = f
		tags = append(tags, language.Make(code))
	}
	s.matcher = language.NewMatcher(tags)
	return nil
}

const languageCookie = "lang"

// speak returns the server in the language of a request: the address's (?lang=), else the one chosen before (a
// cookie), else what the browser asks for.
func (s *Server) speak(r *http.Request) *face {
	if f := s.faces[r.URL.Query().Get("lang")]; f != nil {
		return f
	}
	if c, err := r.Cookie(languageCookie); err == nil && s.faces[c.Value] != nil {
		return s.faces[c.Value]
	}
	return s.speakAny(r.Header.Get("Accept-Language"))
}

// speakAny returns the server in the language that suits an Accept-Language header best.
func (s *Server) speakAny(accept string) *face {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return s.faces[languages()[0]]
	}
	_, i, _ := s.matcher.Match(wanted...)
	return s.faces[languages()[i]]
}

// choose remembers a language that the address asks for.
func choose(w http.ResponseWriter, r *http.Request, f *face) {
	if r.URL.Query().Get("lang") == f.language {
		http.SetCookie(w, keepLanguage(f.language))
	}
}

// keepLanguage is the cookie of a language that somebody chose.
func keepLanguage(code string) *http.Cookie {
	return &http.Cookie{Name: languageCookie, Value: code, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode, HttpOnly: true}
}

// tongue is one language that a page can also be read in.
type tongue struct {
	Code, Name, Href string
	Current          bool
}

// tongues are the languages of a page, with its address in each.
func (s *face) tongues(r *http.Request) []tongue {
	var out []tongue
	for _, code := range languages() {
		q := url.Values{}
		if r.Method == http.MethodGet {
			q = r.URL.Query()
		}
		q.Set("lang", code)
		out = append(out, tongue{code, s.faces[code].texts.T("lang.name"), r.URL.Path + "?" + q.Encode(), code == s.language})
	}
	return out
}

// Spoken is the language that a caller of the interface asks for.
type Spoken struct {
	Lang   string `query:"lang" doc:"language of the words in the answer: en or de; default: as Accept-Language says"`
	Accept string `header:"Accept-Language" hidden:"true"`
}

// in returns the server in the language of an operation.
func (s *Server) in(l Spoken) *face {
	if f := s.faces[l.Lang]; f != nil {
		return f
	}
	return s.speakAny(l.Accept)
}

// each makes an operation of a method of face, in the language that its input asks for.
func each[I, O any](s *Server, operation func(*face, context.Context, *I) (*O, error), of func(*I) Spoken) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) { return operation(s.in(of(in)), ctx, in) }
}

// voice is the face that speaks a language, or the first one's.
func (s *Server) voice(language string) *face {
	if f := s.faces[language]; f != nil {
		return f
	}
	return s.faces[languages()[0]]
}
