package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

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

// outcomes tells a device, through the broker, what became of what it felt.
func (p *parts) outcomes(ctx context.Context, device string, send func([]broker.Outcome) error) error {
	return dispatch.TellOutcomes(ctx, p.db.Pool, device, func(list []dispatch.Outcome) error {
		told := make([]broker.Outcome, len(list))
		for i, o := range list {
			told[i] = broker.Outcome(o)
		}
		return send(told)
	})
}
