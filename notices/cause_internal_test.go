package notices

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// Each way in which a delivery fails has its cause.
func TestCauses(t *testing.T) {
	t.Parallel()
	inside := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	at := func(handler http.HandlerFunc, secured bool) string {
		server := httptest.NewUnstartedServer(handler)
		if secured {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		return server.URL
	}
	fine := func(http.ResponseWriter, *http.Request) {}
	for _, c := range []struct {
		want   Cause
		url    string
		inside []netip.Prefix
	}{
		{"", at(fine, false), inside},
		{Refused, at(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, false), inside},
		{Redirects, at(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, false), inside},
		{Late, at(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else it is not told that the other side has gone
			<-r.Context().Done()
		}, false), inside},
		{Untrusted, at(fine, true), inside},
		{Unreachable, "http://127.0.0.1:1/", inside},
		{Unnamed, "https://nobody.invalid/", inside},
		{Forbidden, at(fine, true), nil},
		{Forbidden, at(fine, false), nil},
	} {
		s := newSender(c.inside, 2*time.Second)
		defer s.close()
		_, err := s.deliver(context.Background(), parcel{url: c.url, message: "msg_1", payload: "{}", secrets: [][]byte{[]byte("secret")}}, time.Now())
		if got := causeOf(err); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %q, want %q: %v", c.url, got, c.want, err)
		}
	}
}
