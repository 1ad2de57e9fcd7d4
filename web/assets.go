package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// What npm has built of ui/: files with a hash in their names, each also compressed, and manifest.json, which tells
// the name of each. Empty until then but for a file that keeps the folder.
//
//go:embed all:dist
var built embed.FS

// assets serves the scripts, styles and fonts of the pages.
type assets struct {
	files    fs.FS
	manifest map[string]string // "map.js": "map-ABCD.js"
}

func openAssets() (*assets, error) {
	files, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("built pages: %w", err)
	}
	a := &assets{files: files, manifest: map[string]string{}}
	b, err := fs.ReadFile(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("built pages: %w", err)
	}
	if err := json.Unmarshal(b, &a.manifest); err != nil {
		return nil, fmt.Errorf("built pages: manifest.json: %w", err)
	}
	return a, nil
}

func (a *assets) empty() bool { return len(a.manifest) == 0 }

// url returns the address of a file by the name it was built from, empty where it has not been built.
func (a *assets) url(name string) string {
	if hashed, ok := a.manifest[name]; ok {
		return "/assets/" + hashed
	}
	return ""
}

// urls returns the addresses of those of the files that have been built.
func (a *assets) urls(names ...string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if u := a.url(name); u != "" {
			out = append(out, u)
		}
	}
	return out
}

// ServeHTTP answers with the best compressed form that the client takes. Names carry a hash of what is in them, so a
// browser may keep them for ever.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	encoding := ""
	body, err := []byte(nil), fs.ErrNotExist
	for _, e := range []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if err != nil && accepts(r.Header.Get("Accept-Encoding"), e.name) {
			if body, err = fs.ReadFile(a.files, name+e.suffix); err == nil {
				encoding = e.name
			}
		}
	}
	if err != nil {
		body, err = fs.ReadFile(a.files, name)
	}
	if err != nil || name == "manifest.json" || strings.HasPrefix(name, ".") {
		http.NotFound(w, r)
		return
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Type", mediaType(name))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	tag := `"` + name + encoding + `"`
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // fails only where the client has gone, and then nobody is left to tell
}

// accepts says whether an Accept-Encoding header names the encoding with a weight above zero.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == encoding {
			q := strings.ReplaceAll(weight, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func (s *Server) favicon(w http.ResponseWriter, r *http.Request) {
	if icon := s.assets.url("icon.svg"); icon != "" {
		http.Redirect(w, r, icon, http.StatusFound)
		return
	}
	http.NotFound(w, r)
}
