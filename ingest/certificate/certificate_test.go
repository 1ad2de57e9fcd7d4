package certificate_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/ingest/certificate"
	"github.com/streetpulse/streetpulse/ingest/certificate/certificatetest"
)

// shown returns the name in the certificate that a client sees.
func shown(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestACertificateIsRenewedWhileItIsServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(name string, content []byte) {
		t.Helper()
		temporary := name + ".new"
		if err := os.WriteFile(temporary, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, name); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := certificate.Open(certFile, keyFile, log); err == nil || !strings.Contains(err.Error(), certFile) {
		t.Error("without files:", err)
	}
	first, second := certificatetest.Make(t, "first"), certificatetest.Make(t, "second")
	write(certFile, first.Cert)
	write(keyFile, second.Key)
	if _, err := certificate.Open(certFile, keyFile, log); err == nil {
		t.Error("a key of another certificate is taken")
	}
	write(keyFile, first.Key)
	c, err := certificate.Open(certFile, keyFile, log)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) { io.Copy(io.Discard, conn); conn.Close() }(conn)
		}
	}()
	for _, step := range []struct {
		do    func()
		shown string
	}{
		{func() {}, "first"},
		{func() { write(certFile, second.Cert) }, "first"}, // its key is not there yet
		{func() { write(keyFile, second.Key) }, "second"},
		{func() { write(certFile, []byte("nonsense")) }, "second"},
		{func() { os.Remove(keyFile) }, "second"},
		{func() { write(keyFile, first.Key); write(certFile, first.Cert) }, "first"},
	} {
		step.do()
		if name := shown(t, l.Addr().String()); name != step.shown {
			t.Errorf("%s is shown, not %s", name, step.shown)
		}
	}
	write(certFile, second.Cert)
	if err := c.Reload(); err == nil {
		t.Error("half a renewal is no error of Reload")
	}
	if err := c.Reload(); err == nil {
		t.Error("asked again it says nothing")
	}
}
