package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/streetpulse/streetpulse/ingest/certificate"
)

// serveTLS serves HTTP/2 and HTTP/1.1 over TLS until ctx ends; then it waits for the answers under way.
func serveTLS(ctx context.Context, server *http.Server, l net.Listener, cert *certificate.Certificate) error {
	server.TLSConfig = cert.Config()
	closed := make(chan error, 1)
	ended := context.AfterFunc(ctx, func() {
		limit, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		closed <- server.Shutdown(limit)
	})
	err := server.ServeTLS(l, "", "")
	if !ended() && errors.Is(err, http.ErrServerClosed) {
		err = <-closed
	}
	if err != nil {
		return fmt.Errorf("serve HTTPS: %w", err)
	}
	return nil
}

// reloadOnHangup reads the certificate again whenever the process gets SIGHUP, until ctx ends.
func reloadOnHangup(ctx context.Context, cert *certificate.Certificate, log *slog.Logger) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			if err := cert.Reload(); err != nil {
				log.Error("the certificate is not read again; the old one is shown", "error", err)
			}
		}
	}
}
