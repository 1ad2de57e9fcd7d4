package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// crewManifest says how the crew's page looks as an installed application.
func (s *face) crewManifest(w http.ResponseWriter, _ *http.Request) error {
	var icons []map[string]string
	for _, i := range []struct{ name, sizes, media string }{{"icon-192.png", "192x192", "image/png"}, {"icon-512.png", "512x512", "image/png"}, {"icon.svg", "any", "image/svg+xml"}} {
		if u := s.assets.url(i.name); u != "" {
			icons = append(icons, map[string]string{"src": u, "sizes": i.sizes, "type": i.media, "purpose": "any"})
		}
	}
	b, err := json.Marshal(map[string]any{
		"id": crewPath, "name": strings.TrimSpace(s.texts.T("crew.title") + " " + s.config.City), "short_name": s.texts.T("crew.title"), "lang": s.language,
		"start_url": crewPath, "scope": crewPath, "display": "standalone", "orientation": "any", "background_color": "#FFFFFF", "theme_color": "#14191C", "icons": icons,
	})
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b) // fails only where the client has gone, and then nobody is left to tell
	return nil
}

// crewOffline serves the service worker of the crew's page: the built script after the addresses of what it keeps, so that it changes
// when they do.
func (s *Server) crewOffline(w http.ResponseWriter, r *http.Request) {
	script, err := fs.ReadFile(s.assets.files, s.assets.manifest["crew-offline.js"])
	if s.assets.empty() || err != nil {
		http.NotFound(w, r)
		return
	}
	files := []string{}
	for _, name := range []string{"site.css", "crew.css", "crew.js", "icon.svg", "icon-192.png", "overpass.woff2"} {
		if u := s.assets.url(name); u != "" {
			files = append(files, u)
		}
	}
	list, err := json.Marshal(files)
	if err != nil { // strings always marshal
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Service-Worker-Allowed", crewPath)
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	fmt.Fprintf(w, "const page=%q,files=%s;\n%s", crewPath, list, script)
}
