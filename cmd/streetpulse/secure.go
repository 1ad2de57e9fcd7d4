package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/streetpulse/streetpulse/ingest/certificate"
)

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
