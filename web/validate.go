package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// mostValidated is how large an answer may be that is held back until its validator is known, bytes.
const mostValidated = 256 << 10

// validated gives small public answers a weak validator, the hash of what they say, and answers 304 to who has them (RFC 9110, 8.8.3 and
// 13.1.2). What is said to somebody who has logged in, errors, pictures, streams and what is larger pass as they are.
func validated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := r.Cookie(sessionCookie)
		if r.Method != http.MethodGet && r.Method != http.MethodHead || err == nil || r.Header.Get("Authorization") != "" {
			next.ServeHTTP(w, r)
			return
		}
		held := &heldBack{ResponseWriter: w}
		next.ServeHTTP(held, r)
		held.end(r.Header.Get("If-None-Match"))
	})
}

// heldBack is an answer whose head waits for the hash of its body.
type heldBack struct {
	http.ResponseWriter
	status  int // 0: not said yet
	body    bytes.Buffer
	passing bool // its head has gone
}

// holds says whether an answer is one to be held back.
func (h *heldBack) holds() bool {
	head := h.Header()
	keep, kind := head.Get("Cache-Control"), head.Get("Content-Type")
	return h.status == http.StatusOK && !strings.Contains(keep, "no-store") && !strings.Contains(keep, "private") && head.Get("ETag") == "" &&
		len(head.Values("Set-Cookie")) == 0 && !strings.HasPrefix(kind, "image/") && !strings.HasPrefix(kind, "text/event-stream")
}

func (h *heldBack) WriteHeader(status int) {
	if h.status != 0 || status < http.StatusOK {
		h.ResponseWriter.WriteHeader(status)
		return
	}
	h.status = status
	if !h.holds() {
		h.pass()
	}
}

func (h *heldBack) Write(b []byte) (int, error) {
	if h.status == 0 {
		h.WriteHeader(http.StatusOK)
	}
	if !h.passing && h.body.Len()+len(b) <= mostValidated {
		return h.body.Write(b)
	}
	h.pass()
	return h.ResponseWriter.Write(b)
}

// pass lets go what is held back, and what comes after it.
func (h *heldBack) pass() {
	if h.passing {
		return
	}
	h.passing = true
	h.ResponseWriter.WriteHeader(h.status)
	if h.body.Len() > 0 {
		_, _ = h.ResponseWriter.Write(h.body.Bytes()) // fails only where the client has gone; the next write says so
		h.body = bytes.Buffer{}
	}
}

// FlushError lets go what is held back: somebody waits for it.
func (h *heldBack) FlushError() error {
	if h.status == 0 {
		h.status = http.StatusOK
	}
	h.pass()
	return http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (h *heldBack) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// end answers with what is held back, or with 304 where the validators that the client named are of it.
func (h *heldBack) end(known string) {
	if h.status == 0 || h.passing {
		return
	}
	sum := sha256.Sum256(h.body.Bytes())
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h.Header().Set("ETag", "W/"+tag)
	if known == "*" || strings.Contains(known, tag) {
		h.Header().Del("Content-Type")
		h.Header().Del("Content-Disposition")
		h.status = http.StatusNotModified
		h.body = bytes.Buffer{}
	}
	h.pass()
}
