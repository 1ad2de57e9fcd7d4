package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// Texts here are UTF-8 without zero characters, as PostgreSQL keeps them.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// unreadable says whether an address, its query or a name in its head is no text.
func unreadable(r *http.Request) bool {
	if name, _, _ := r.BasicAuth(); !isText(name) || !isText(r.URL.Path) {
		return true
	}
	if !strings.Contains(r.URL.RawQuery, "%") && isText(r.URL.RawQuery) {
		return false
	}
	for key, values := range r.URL.Query() {
		if !isText(key) {
			return true
		}
		for _, v := range values {
			if !isText(v) {
				return true
			}
		}
	}
	return false
}

// readable refuses what is no text before anything is asked for by it.
func (s *Server) readable(next http.Handler) http.Handler {
	const why = "The address holds a zero character, or is not UTF-8."
	page := s.orErrorPage(func(*face, http.ResponseWriter, *http.Request) error { return badRequest(why) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !unreadable(r):
			next.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, apiPath+"/"):
			problem(w, http.StatusBadRequest, why)
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// asText takes out of a form's fields what is no text.
func asText(fields url.Values) {
	for _, values := range fields {
		for i, v := range values {
			values[i] = textOf(v)
		}
	}
}

func textOf(v string) string { return strings.ReplaceAll(strings.ToValidUTF8(v, ""), "\x00", "") }

// errZero is returned for JSON that nobody could store.
var errZero = errors.New(`a text holds a zero character (\u0000)`)

// jsonFormat is JSON whose texts hold no zero characters.
func jsonFormat() huma.Format {
	format := huma.DefaultJSONFormat
	format.Unmarshal = func(data []byte, v any) error {
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		if !bytes.Contains(data, []byte(`\u0000`)) {
			return nil
		}
		var all any
		if err := json.Unmarshal(data, &all); err != nil {
			return err
		}
		if holdsZero(all) {
			return errZero
		}
		return nil
	}
	return format
}

func holdsZero(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.IndexByte(v, 0) >= 0
	case []any:
		for _, one := range v {
			if holdsZero(one) {
				return true
			}
		}
	case map[string]any:
		for key, one := range v {
			if strings.IndexByte(key, 0) >= 0 || holdsZero(one) {
				return true
			}
		}
	}
	return false
}
