package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/evaluate"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/postgres"
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

type evaluateCommand struct {
	Database string   `help:"PostgreSQL server to make databases on, instead of a private one." placeholder:"URL"`
	Seed     []uint64 `default:"1,2,3" help:"Cities to drive."`
	JSON     bool     `help:"Print the reports as JSON, one a line."`
	Train    string   `help:"Instead: fit the waveform classifier on the cities and write its parameters to this file." placeholder:"FILE"`
}

func (c evaluateCommand) Run(ctx context.Context, o output) (err error) {
	if c.Train != "" {
		file, err := os.Create(c.Train)
		if err != nil {
			return fmt.Errorf("write the parameters: %w", err)
		}
		err = evaluate.Train(file, c.Seed, func(s string) { fmt.Fprintln(o.err, s) })
		return errors.Join(err, file.Close())
	}
	dir, err := os.MkdirTemp("", "streetpulse-evaluate-")
	if err != nil {
		return fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return fmt.Errorf("make a data folder: %w", err)
	}
	db, err := postgres.Open(ctx, postgres.Options{URL: c.Database, Dir: dir, Log: o.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var reports []evaluate.Report
	for _, seed := range c.Seed {
		report, err := evaluateCity(ctx, db, seed, o)
		if err != nil {
			return err
		}
		reports = append(reports, report)
		if c.JSON {
			if err := json.NewEncoder(o.out).Encode(report); err != nil {
				return err
			}
		} else {
			printReport(o, report)
		}
	}
	if !c.JSON {
		printSummary(o, reports)
	}
	return nil
}

// evaluateCity replays one city into a database of its own.
func evaluateCity(ctx context.Context, db *postgres.Database, seed uint64, o output) (report evaluate.Report, err error) {
	name := fmt.Sprintf("streetpulse_evaluate_%d_%d", os.Getpid(), seed)
	quoted := pgx.Identifier{name}.Sanitize()
	if _, err := db.Pool.Exec(ctx, "create database "+quoted); err != nil {
		return report, fmt.Errorf("make a database: %w", err)
	}
	defer func() {
		_, dropErr := db.Pool.Exec(context.WithoutCancel(ctx), "drop database if exists "+quoted+" with (force)")
		err = errors.Join(err, dropErr)
	}()
	at, err := url.Parse(db.URL)
	if err != nil {
		return report, fmt.Errorf("database URL: %w", err)
	}
	at.Path = "/" + name
	own, err := postgres.Open(ctx, postgres.Options{URL: at.String(), Log: o.log})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	return evaluate.City(ctx, own.Pool, firmwaresim.CityOptions{Seed: seed}, o.log, progressOn(o.err))
}

func printReport(o output, r evaluate.Report) {
	hard := ""
	if !r.Hard {
		hard = "  (too easy to count)"
	}
	fmt.Fprintf(o.out, "\ncity %d: %d events, simulated in %.0f s, replayed in %.1f s%s\n", r.Seed, r.Events, r.Drove, r.Took, hard)
	fmt.Fprintf(o.out, "  %-14s %9s %9s %10s %8s %9s %8s %9s\n", "rule", "precision", "recall", "inventions", "doubled", "furniture", "median m", "days")
	for _, row := range []struct {
		name string
		s    evaluate.Score
	}{{"3 devices", r.Three}, {"5 devices", r.Five}, {"streetpulse", r.Crowd}} {
		fmt.Fprintf(o.out, "  %-14s %9.2f %9.2f %10d %8d %9d %8.1f %9.1f\n", row.name, row.s.Precision, row.s.Recall, row.s.Inventions,
			row.s.Doubled, row.s.Furniture, row.s.MedianM, row.s.MedianDays)
	}
}

func printSummary(o output, reports []evaluate.Report) {
	var precision, recall, worstP, worstR float64 = 0, 0, 1, 1
	inventions, counted := 0, 0
	for _, r := range reports {
		if !r.Hard {
			continue
		}
		counted++
		precision, recall = precision+r.Crowd.Precision, recall+r.Crowd.Recall
		worstP, worstR = min(worstP, r.Crowd.Precision), min(worstR, r.Crowd.Recall)
		inventions = max(inventions, r.Crowd.Inventions)
	}
	if counted > 0 {
		n := float64(counted)
		fmt.Fprintf(o.out, "\n%d cities that count: precision %.2f (worst %.2f), recall %.2f (worst %.2f), inventions at most %d of 40\n",
			counted, precision/n, worstP, recall/n, worstR, inventions)
	}
}
