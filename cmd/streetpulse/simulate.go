package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/firmware-sim/vehicles"
)

type simulateCommand struct {
	Seed    uint64        `default:"1" help:"The same seed gives the same city."`
	Drivers int           `help:"Cars that drive; 200 to 300 by default." placeholder:"N"`
	Days    int           `default:"21" help:"Days to drive, with --out."`
	Speedup float64       `help:"Begin 13 days ago and catch up with now this many times faster than life." placeholder:"X"`
	Broker  string        `help:"MQTT broker; by default the one that the server names." placeholder:"URL"`
	Server  string        `default:"http://127.0.0.1:8080" help:"Where phones enrol." placeholder:"URL"`
	Units   int           `help:"Drive so many vehicle units with raw sensors and a queue in flash instead of the city's phones." placeholder:"N"`
	RateHz  float64       `name:"rate" default:"100" help:"Samples a second of the units' accelerometers." placeholder:"HZ"`
	Faulty  float64       `default:"0.01" help:"Share of the units with something wrong with their sensors." placeholder:"SHARE"`
	Code    string        `help:"Enrolment code of the units' fleet." placeholder:"CODE"`
	Keep    string        `help:"Folder where the units keep who they are and their queues, for the next run; by default in memory." placeholder:"DIR"`
	Report  time.Duration `default:"10s" help:"Time between two lines of the units' figures in the log."`
	Out     string        `help:"Write the events to this file (NDJSON) instead of sending them, and the truth beside it." placeholder:"FILE"`
}

func (c simulateCommand) Run(ctx context.Context, o output) error {
	if c.Units < 0 || c.Units > 0 && (c.Out != "" || c.RateHz < 5 || c.RateHz > 500 || c.Report <= 0 || c.Faulty < 0 || c.Faulty > 1) {
		return fmt.Errorf("%w: --units drive over MQTT, not into --out; --rate is 5 to 500, --faulty 0 to 1, --report above 0", errUsage)
	}
	if c.Units > 0 {
		fleet := vehicles.Fleet{Count: c.Units, Seed: c.Seed, Server: c.Server, Broker: c.Broker, Code: c.Code, Speedup: c.Speedup, RateHz: c.RateHz,
			Faulty: c.Faulty, Dir: c.Keep, Report: c.Report, Log: o.log}
		return stopped(ctx, fleet.Run(ctx))
	}
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
	return stopped(ctx, firmwaresim.Fleet{City: city, Server: c.Server, Broker: c.Broker, Speedup: c.Speedup, Log: o.log}.Drive(ctx))
}

// stopped returns nil where what ended was stopped as asked.
func stopped(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil //nolint:nilerr // stopped as asked
	}
	return err
}
