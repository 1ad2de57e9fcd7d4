package web

import (
	"encoding/json"
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
	return s.serveManifest(w, map[string]any{
		"id": drivePath, "name": "Streetpulse", "short_name": "Streetpulse", "description": s.texts.T("drive.lead"), "start_url": drivePath, "scope": drivePath,
		"background_color": "#0A0C0D", "theme_color": "#0A0C0D",
	}, "any", "maskable")
}

// driveOffline serves the service worker.
func (s *Server) driveOffline(w http.ResponseWriter, r *http.Request) {
	files := append(s.assets.urls("site.css", "drive.css", "drive.js", "icon.svg", "icon-192.png", "overpass.woff2"), s.driveAsset("drive-worker.js"))
	s.serveOffline(w, r, "drive-offline.js", drivePath, map[string][]string{"files": files, "later": {s.driveAsset("detector.wasm")}})
}
