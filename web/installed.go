package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// serveManifest says how a page looks as an installed application: about holds what is its own, its icons are for the purposes.
func (s *face) serveManifest(w http.ResponseWriter, about map[string]any, purposes ...string) error {
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	var icons []icon
	for _, i := range []struct{ name, sizes, media string }{{"icon-192.png", "192x192", "image/png"}, {"icon-512.png", "512x512", "image/png"}, {"icon.svg", "any", "image/svg+xml"}} {
		if u := s.assets.url(i.name); u != "" {
			for _, p := range purposes {
				icons = append(icons, icon{u, i.sizes, i.media, p})
			}
		}
	}
	about["name"] = strings.TrimSpace(fmt.Sprint(about["name"], " ", s.city()))
	about["lang"], about["display"], about["orientation"], about["icons"] = s.language, "standalone", "any", icons
	b, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b) // fails only where the client has gone, and then nobody is left to tell
	return nil
}

// serveOffline serves a page's service worker: the built script after the page's address and the lists of what it keeps, so that it
// changes when they do.
func (s *Server) serveOffline(w http.ResponseWriter, r *http.Request, name, page string, lists map[string][]string) {
	script, err := fs.ReadFile(s.assets.files, s.assets.manifest[name])
	if s.assets.empty() || err != nil {
		http.NotFound(w, r)
		return
	}
	kept, err := json.Marshal(lists)
	if err != nil { // strings always marshal
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Service-Worker-Allowed", page)
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	fmt.Fprintf(w, "const page=%q,{files,later}=%s;\n%s", page, kept, script)
}
