package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
)

type rebuildCommand struct {
	store
	costFlags
	Check bool `help:"Only compare; exit 1 where a place differs."`
}

func (c rebuildCommand) Run(ctx context.Context, o output) (err error) {
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var last time.Time
	rules, err := c.rulesNow(ctx, db.Pool)
	if err != nil {
		return err
	}
	out, err := crowd.Rebuild(ctx, db.Pool, rules, !c.Check, func(judged int) {
		if time.Since(last) > 300*time.Millisecond {
			last = time.Now()
			fmt.Fprintf(o.err, "\r%d judged ", judged)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(o.err, "\r%40s\r", "")
	for _, d := range out.Differences {
		fmt.Fprintln(o.err, d)
	}
	fmt.Fprintf(o.out, "%d events and decisions judged again: %d places, %d differ\n", out.Judged, out.Places, out.Different)
	if c.Check && out.Different > 0 {
		return fmt.Errorf("%d places differ from what is stored: `streetpulse rebuild` would replace them", out.Different)
	}
	return nil
}
