package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/streetpulse/streetpulse/evaluate"
)

type replayCommand struct {
	store
	cityFlags
	costFlags
	File string `arg:"" help:"The file, or - for standard input."`
}

func (c replayCommand) Run(ctx context.Context, o output) (err error) {
	in := o.in
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the events: %w", err)
		}
		defer file.Close()
		in = file
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	network, err := loadNetwork(ctx, db.Pool)
	if err != nil {
		return err
	}
	rules, err := c.rulesNow(ctx, db.Pool)
	if err != nil {
		return err
	}
	if err := upgrade(ctx, db, rules, o.log); err != nil {
		return err
	}
	replay := evaluate.Replay{Pool: db.Pool, Office: c.office(network), Rules: rules, Log: o.log, Progress: progressOn(o.err)}
	s, err := replay.File(ctx, in)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.err, "\r%80s\r", "")
	fmt.Fprintf(o.out, "%d lines: %d events stored, %d seen before, %d refused; %d judged; %d work orders; %.1f s\n",
		s.Lines, s.Stored, s.Duplicates, s.Refused, s.Judged, s.Orders, s.Took.Seconds())
	for _, r := range s.Refusals {
		fmt.Fprintf(o.err, "line %d: %s\n", r.Line, r.Reason)
	}
	if s.Lines > 0 && s.Refused == s.Lines {
		return errors.New("no line could be read: is it a file of events, one JSON object a line?")
	}
	return nil
}

// progressOn writes a line of progress a few times a second.
func progressOn(w io.Writer) func(evaluate.Progress) {
	var last time.Time
	return func(p evaluate.Progress) {
		if time.Since(last) < 300*time.Millisecond {
			return
		}
		last = time.Now()
		fmt.Fprintf(w, "\r%d lines, the clock at %s ", p.Lines, p.Clock.UTC().Format("2006-01-02 15:04"))
	}
}
