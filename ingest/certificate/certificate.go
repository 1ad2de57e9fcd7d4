// Package certificate is a TLS certificate in files, which may be renewed while the server runs. Nothing polls: each
// handshake looks whether the files are other ones, and Reload reads them in any case.
package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is what was read last. It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	read   [2]os.FileInfo // the files when they were last looked at, good or not
	holder *tls.Certificate
}

// Open reads a certificate (with its chain) and its key, both PEM. It fails where they cannot be read or do not belong together.
// A nil log is slog.Default().
func Open(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	if log == nil {
		log = slog.Default()
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.Reload()
}

// Reload reads the files again. Where that fails, the certificate that was read before stays.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := c.look()
	if err != nil {
		return err
	}
	return c.load(files)
}

// Config returns a configuration for servers that always shows the newest certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get returns the certificate, read again where a file is another one than at the last look. The two files of a renewal come
// one after the other: until they belong together the old pair is shown.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := c.look()
	if err == nil && (!same(files[0], c.read[0]) || !same(files[1], c.read[1])) {
		err = c.load(files)
		if err != nil {
			c.log.Warn("the new certificate cannot be used; the old one is shown", "error", err)
		}
	}
	return c.holder, nil
}

func (c *Certificate) look() (files [2]os.FileInfo, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if files[i], err = os.Stat(name); err != nil {
			return files, fmt.Errorf("read the certificate: %w", err)
		}
	}
	return files, nil
}

func same(a, b os.FileInfo) bool {
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}

func (c *Certificate) load(files [2]os.FileInfo) error {
	c.read = files
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if c.holder != nil {
		c.log.Info("the certificate is read again", "until", pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	c.holder = &pair
	return nil
}
