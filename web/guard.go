package web

import (
	"bufio"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// policy allows what these pages are made of, all of it from here: MapLibre draws in workers, and marks reach it as
// data: images.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self'; " +
	"img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard sets the headers that every answer carries, and counts answers.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Permissions-Policy", "geolocation=(self), camera=(), microphone=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if open := strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/tiles/"); open {
			h.Set("Access-Control-Allow-Origin", "*") // public data, no cookies
			h.Add("Vary", "Accept-Language")
		}
		c := &counted{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(c, s.visited(r))
		s.count5.WithLabelValues(strconv.Itoa(c.status/100) + "xx").Inc()
	})
}

// counted remembers the status of an answer.
type counted struct {
	http.ResponseWriter
	status int
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection, for streams and WebSockets.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Hijack hands the connection over to WebSocket libraries that ask for it the old way.
func (c *counted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(c.ResponseWriter).Hijack()
}

// compressed answers with gzip where the client takes it.
func compressed(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) }

// client returns the address that a request comes from: the last hop that is no trusted proxy.
func (s *Server) client(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := from.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusts(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.config.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// origin is how people reach this server, without a slash at the end.
func (s *Server) origin(r *http.Request) string {
	if s.config.PublicURL != "" {
		return s.config.PublicURL
	}
	scheme := "http"
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if r.TLS != nil || err == nil && s.trusts(from.Addr().Unmap()) && r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
