package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/firmware-sim/detector"
	"github.com/streetpulse/streetpulse/ingest/broker"
)

// detectorParameters returns what phones are sent: the parameters of a file, or the standard ones. What a phone would refuse is an
// error here.
func detectorParameters(file string) ([]byte, error) {
	p := detector.Standard()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--phone-detector: %w", err)
		}
		if p, err = detector.Parse(text); err != nil {
			return nil, fmt.Errorf("--phone-detector %s: %w", file, err)
		}
	}
	return json.Marshal(p)
}

// outcomes is what devices are told, through a broker, of what they felt.
type outcomes struct{ pool *pgxpool.Pool }

func (o outcomes) Untold(ctx context.Context, device string) ([]broker.Outcome, time.Time, error) {
	list, newest, err := dispatch.Untold(ctx, o.pool, device)
	untold := make([]broker.Outcome, len(list))
	for i, one := range list {
		untold[i] = broker.Outcome(one)
	}
	return untold, newest, err
}

func (o outcomes) Told(ctx context.Context, device string, until time.Time) error {
	return dispatch.Told(ctx, o.pool, device, until)
}
