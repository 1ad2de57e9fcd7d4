package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	_ "time/tzdata" // a 311 system's local times are read on servers without a time zone database, too

	"github.com/streetpulse/streetpulse/crowd"
)

type importCases struct {
	store
	File    string `arg:"" help:"The 311 system's export: CSV with a header." type:"existingfile"`
	Mapping string `required:"" help:"How to read it (JSON; docs/examples/boston-311.json is one)." type:"existingfile" placeholder:"FILE"`
	Source  string `help:"Name of the system; by default the mapping's, else the file's." placeholder:"NAME"`
}

func (c importCases) Run(ctx context.Context, o output) (err error) {
	mapping, err := c.mapping()
	if err != nil {
		return err
	}
	if c.Source == "" {
		c.Source = mapping.Source
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the cases: %w", err)
	}
	defer file.Close()
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	start := time.Now()
	last := start
	source := sourceOf(c.Source, c.File)
	s, err := crowd.CaseImport{
		Pool: db.Pool, Source: source, Mapping: mapping,
		Refused: func(line int, reason error) { fmt.Fprintf(o.err, "line %d: %v\n", line, reason) },
		Progress: func(s crowd.CaseSummary) {
			if time.Since(last) > time.Second {
				last = time.Now()
				fmt.Fprintf(o.err, "%d rows, %d new cases\n", s.Rows, s.Added)
			}
		},
	}.Run(ctx, file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err := recordDone(ctx, db.Pool, "import.cases", source, fmt.Sprintf("%d added, %d changed, %d removed", s.Added, s.Changed, s.Removed)); err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	fmt.Fprintf(o.out, "%s: %d rows: %d cases added, %d changed, %d the same, %d removed; %d said twice, %d of other categories, %d refused; %.1f s\n",
		source, s.Rows, s.Added, s.Changed, s.Same, s.Removed, s.Repeated, s.Other, s.Refused, took)
	if s.Rows > 0 && s.Refused == s.Rows {
		return fmt.Errorf("%s: no row could be used: does the mapping fit the file?", c.File)
	}
	return nil
}

func (c importCases) mapping() (crowd.CaseMapping, error) {
	file, err := os.Open(c.Mapping)
	if err != nil {
		return crowd.CaseMapping{}, fmt.Errorf("open the mapping: %w", err)
	}
	defer file.Close()
	mapping, err := crowd.ReadCaseMapping(file)
	if err != nil {
		return mapping, fmt.Errorf("%s: %w", c.Mapping, err)
	}
	return mapping, nil
}
