package web

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// The drive page stands at /drive with all that it needs below: one scope for its service worker. Its files are those under
// /assets/; its worker is served from below too, as what a worker may do is said by the answer that brought it.
const (
	drivePath   = "/drive"
	driveAssets = drivePath + "/assets/"
)

// drivePolicy allows the drive page's worker to compile the detector. No page may, this one neither.
const drivePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

// withholds are the distances to choose from that a drive's ends are kept back, m; withhold is the one at first.
func withholds() []int { return []int{0, 100, 200, 300, 500, 1000} }

const withhold = 200

type driveView struct {
	head
	Worker, Detector, Texts string
	Distances               []int
	Withhold                int
}

func (s *face) drivePage(w http.ResponseWriter, r *http.Request) error {
	v := &driveView{head: head{Page: "drive", Title: s.texts.T("drive.name")}, Distances: withholds(), Withhold: withhold,
		Worker: s.driveAsset("drive-worker.js"), Detector: s.driveAsset("detector.wasm"), Texts: s.textsUnder("drive.")}
	return s.render(w, r, http.StatusOK, "drive", v)
}

// driveAsset is the address of a file within the drive page's scope.
func (s *Server) driveAsset(name string) string {
	if file := s.assets.manifest[name]; file != "" {
		return driveAssets + file
	}
	return ""
}

// textsUnder returns the texts whose keys begin so, without that beginning, as JSON for a script.
func (s *face) textsUnder(prefix string) string {
	out := map[string]string{}
	for key, text := range s.texts {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			out[rest] = text
		}
	}
	b, err := json.Marshal(out)
	if err != nil { // strings always marshal
		return "{}"
	}
	return string(b)
}

// driveFile serves the drive page's files within its scope.
func (s *Server) driveFile(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", drivePolicy)
	s.assets.ServeHTTP(w, r)
}

// driveManifest says how the page looks as an installed application.
func (s *face) driveManifest(w http.ResponseWriter, _ *http.Request) error {
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	var icons []icon
	for _, i := range []struct{ name, sizes, media string }{{"icon-192.png", "192x192", "image/png"}, {"icon-512.png", "512x512", "image/png"}, {"icon.svg", "any", "image/svg+xml"}} {
		if u := s.assets.url(i.name); u != "" {
			icons = append(icons, icon{u, i.sizes, i.media, "any"})
			icons = append(icons, icon{u, i.sizes, i.media, "maskable"})
		}
	}
	b, err := json.Marshal(map[string]any{
		"id": drivePath, "name": strings.TrimSpace("Streetpulse " + s.config.City), "short_name": "Streetpulse", "lang": s.language,
		"description": s.texts.T("drive.lead"), "start_url": drivePath, "scope": drivePath, "display": "standalone", "orientation": "any",
		"background_color": "#0A0C0D", "theme_color": "#0A0C0D", "icons": icons,
	})
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b) // fails only where the client has gone, and then nobody is left to tell
	return nil
}

// driveOffline serves the service worker: the built script after the addresses of what it keeps, so that it changes when they do.
func (s *Server) driveOffline(w http.ResponseWriter, r *http.Request) {
	script, err := fs.ReadFile(s.assets.files, s.assets.manifest["drive-offline.js"])
	if s.assets.empty() || err != nil {
		http.NotFound(w, r)
		return
	}
	var files []string
	for _, name := range []string{"site.css", "drive.css", "drive.js", "icon.svg", "icon-192.png", "overpass.woff2"} {
		if u := s.assets.url(name); u != "" {
			files = append(files, u)
		}
	}
	files = append(files, s.driveAsset("drive-worker.js"))
	later := []string{s.driveAsset("detector.wasm")}
	lists, err := json.Marshal([][]string{files, later})
	if err != nil { // strings always marshal
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Service-Worker-Allowed", drivePath)
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'")
	fmt.Fprintf(w, "const page=%q,[files,later]=%s;\n%s", drivePath, lists, script)
}
