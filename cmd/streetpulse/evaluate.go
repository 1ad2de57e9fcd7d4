package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/evaluate"
	"github.com/streetpulse/streetpulse/evaluate/drives"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
	"github.com/streetpulse/streetpulse/postgres"
)

type evaluateCommand struct {
	Seed      evaluate.Seeds `default:"1-3" help:"Cities to drive: numbers and ranges, such as 1-8,11." placeholder:"N,…"`
	JSON      bool           `help:"Print the reports as JSON, one a line."`
	Plot      string         `help:"Draw the reports into this file (SVG)." placeholder:"FILE"`
	Markdown  string         `help:"Also run the cities with each adversary alone and each defence off, and four cities of the unseen simulator, and write all results to this file." placeholder:"FILE"`
	Pipeline  bool           `help:"Replay the cities through the whole pipeline with PostgreSQL, one after the other, instead of judging in memory."`
	Database  string         `help:"With --pipeline: PostgreSQL server to make databases on, instead of a private one." placeholder:"URL"`
	Simulator string         `enum:"own,elsewhere,unseen" default:"own" help:"Whose cities to drive: of our own simulator, of one that only the waveform classifier has learnt from (elsewhere), or of one that nothing was learnt from (unseen)."`
	Detector  string         `help:"Instead: simulate drives with raw sensor samples, let our detector and published ones listen, and write the results to this file." placeholder:"FILE"`
	Train     string         `help:"Instead: fit the waveform classifier on the cities and write its parameters to this file." placeholder:"FILE"`
}

func (c evaluateCommand) Run(ctx context.Context, o output) error {
	switch {
	case c.Train != "":
		return writeFile(c.Train, func(w io.Writer) error {
			return evaluate.Train(w, c.Seed, func(s string) { fmt.Fprintln(o.err, s) })
		})
	case c.Detector != "":
		study, err := drives.Run(ctx, drives.Standard(), func(s string) { fmt.Fprintln(o.err, s) })
		if err != nil {
			return err
		}
		return writeFile(c.Detector, study.Markdown)
	case c.Simulator != string(evaluate.Own) && (c.Pipeline || c.Markdown != ""):
		return errors.New("other simulators' cities are judged in memory only, without experiments: leave out --pipeline and --markdown")
	case c.Pipeline && c.Markdown != "":
		return errors.New("--markdown has experiments that only judging in memory can do: leave out --pipeline")
	}
	if !c.JSON {
		evaluate.PrintHead(o.out)
	}
	done := func(r evaluate.Report) {
		if c.JSON {
			_ = json.NewEncoder(o.out).Encode(r)
		} else {
			evaluate.PrintReport(o.out, r)
		}
	}
	study, err := c.study(ctx, o, done)
	if err != nil {
		return err
	}
	if !c.JSON {
		evaluate.PrintSummary(o.out, study.Cities)
	}
	if c.Plot != "" {
		if err := writeFile(c.Plot, func(w io.Writer) error { return evaluate.Plot(w, study.Cities) }); err != nil {
			return err
		}
	}
	if c.Markdown == "" {
		return nil
	}
	return writeFile(c.Markdown, study.Markdown)
}

// study drives and judges the cities.
func (c evaluateCommand) study(ctx context.Context, o output, done func(evaluate.Report)) (study evaluate.Study, err error) {
	switch {
	case c.Markdown != "":
		progress := func(s string) { fmt.Fprintln(o.err, s) }
		if study, err = evaluate.RunStudy(ctx, firmwaresim.CityOptions{}, c.Seed, done, progress); err != nil {
			return study, err
		}
		few := c.Seed[:min(len(c.Seed), 4)]
		study.Unseen, err = evaluate.RehearseIn(ctx, evaluate.Unseen, few, func(r evaluate.Report) { progress(fmt.Sprintf("unseen city %d judged", r.Seed)) })
	case c.Pipeline:
		study.Cities, err = c.pipeline(ctx, o, done)
	case c.Simulator != string(evaluate.Own):
		study.Cities, err = evaluate.RehearseIn(ctx, evaluate.Simulator(c.Simulator), c.Seed, done)
	default:
		study.Cities, err = evaluate.RehearseAll(ctx, firmwaresim.CityOptions{}, c.Seed, done)
	}
	return study, err
}

// writeFile makes a file and lets fill write it.
func writeFile(path string, fill func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := fill(file); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// pipeline replays the cities, each into a database of its own.
func (c evaluateCommand) pipeline(ctx context.Context, o output, done func(evaluate.Report)) (reports []evaluate.Report, err error) {
	dir, err := os.MkdirTemp("", "streetpulse-evaluate-")
	if err != nil {
		return nil, fmt.Errorf("make a data folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return nil, fmt.Errorf("make a data folder: %w", err)
	}
	db, err := postgres.Open(ctx, postgres.Options{URL: c.Database, Dir: dir, Log: o.log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, seed := range c.Seed {
		report, err := evaluateCity(ctx, db, seed, o)
		if err != nil {
			return reports, err
		}
		reports = append(reports, report)
		fmt.Fprintf(o.err, "\r%80s\r", "")
		done(report)
	}
	return reports, nil
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
