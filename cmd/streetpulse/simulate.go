package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

type simulateCommand struct {
	Seed    uint64  `default:"1" help:"The same seed gives the same city."`
	Drivers int     `help:"Cars that drive; 200 to 300 by default." placeholder:"N"`
	Days    int     `default:"21" help:"Days to drive, with --out."`
	Speedup float64 `help:"Begin 13 days ago and catch up with now this many times faster than life." placeholder:"X"`
	Broker  string  `help:"MQTT broker; by default the one that the server names." placeholder:"URL"`
	Server  string  `default:"http://127.0.0.1:8080" help:"Where phones enrol." placeholder:"URL"`
	Out     string  `help:"Write the events to this file (NDJSON) instead of sending them, and the truth beside it." placeholder:"FILE"`
}

func (c simulateCommand) Run(ctx context.Context, o output) error {
	options := firmwaresim.CityOptions{Seed: c.Seed, Drivers: c.Drivers}
	if c.Out != "" {
		options.Days = c.Days
		city, err := firmwaresim.NewCity(options)
		if err != nil {
			return err
		}
		n, err := city.WriteFiles(c.Out)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.out, "%d events in %s, the truth in %[2]s.truth.json, the cause of each event in %[2]s.causes.ndjson\n", n, c.Out)
		return err
	}
	options.Begin = time.Now().UTC().Truncate(24 * time.Hour)
	options.Days = 365
	if c.Speedup > 0 {
		options.Begin = options.Begin.AddDate(0, 0, -demoDays)
	}
	city, err := firmwaresim.NewCity(options)
	if err != nil {
		return err
	}
	err = firmwaresim.Fleet{City: city, Server: c.Server, Broker: c.Broker, Speedup: c.Speedup, Log: o.log}.Drive(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil //nolint:nilerr // stopped as asked
	}
	return err
}
