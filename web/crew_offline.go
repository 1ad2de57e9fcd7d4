package web

import "net/http"

// crewManifest says how the crew's page looks as an installed application.
func (s *face) crewManifest(w http.ResponseWriter, _ *http.Request) error {
	return s.serveManifest(w, map[string]any{
		"id": crewPath, "name": s.texts.T("crew.title"), "short_name": s.texts.T("crew.title"), "start_url": crewPath, "scope": crewPath,
		"background_color": "#FFFFFF", "theme_color": "#14191C",
	}, "any")
}

// crewOffline serves the service worker of the crew's page.
func (s *Server) crewOffline(w http.ResponseWriter, r *http.Request) {
	files := s.assets.urls("site.css", "crew.css", "crew.js", "icon.svg", "icon-192.png", "overpass.woff2")
	s.serveOffline(w, r, "crew-offline.js", crewPath, map[string][]string{"files": files})
}
