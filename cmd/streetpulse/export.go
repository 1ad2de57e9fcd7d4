package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/ingest/wire"
	"github.com/streetpulse/streetpulse/postgres"
)

type exportCommand struct {
	store
	What      string           `arg:"" enum:"orders,places,events" help:"orders, places or events. Events hold device ids: they are for operators."`
	Format    string           `enum:"geojson,csv,ndjson," default:"" help:"geojson, csv or ndjson; events are ndjson, the others geojson by default."`
	Out       string           `help:"File to write; standard output by default." placeholder:"FILE"`
	Suspected crowd.Visibility `default:"coarse" enum:"no,coarse,yes" help:"What the public sees of suspected places: no, coarse or yes."`
}

func (c exportCommand) Run(ctx context.Context, o output) (err error) {
	if c.What == "events" && c.Format != "" && c.Format != "ndjson" {
		return fmt.Errorf("events are exported as ndjson only: %w", errUsage)
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	to := o.out
	if c.Out != "" && c.Out != "-" {
		file, err := os.Create(c.Out)
		if err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = file
	}
	out := bufio.NewWriterSize(to, 1<<16)
	if err := c.write(ctx, db, out); err != nil {
		return err
	}
	return out.Flush()
}

func (c exportCommand) write(ctx context.Context, db *postgres.Database, out io.Writer) error {
	if c.What == "events" {
		var line []byte
		return crowd.Log(ctx, db.Pool, func(l wire.Line) error {
			line = append(l.Append(line[:0]), '\n')
			_, err := out.Write(line)
			return err
		})
	}
	features := geojson.NewFeatureCollection()
	if c.What == "orders" {
		orders, err := dispatch.Orders(ctx, db.Pool, dispatch.Filter{})
		if err != nil {
			return err
		}
		for _, o := range orders {
			features.Append(o.Feature())
		}
	} else {
		places, err := crowd.Places(ctx, db.Pool, crowd.Filter{})
		if err != nil {
			return err
		}
		for _, p := range places {
			if public, ok := c.Suspected.Public(p); ok {
				features.Append(public.Feature())
			}
		}
	}
	return writeFeatures(out, features, c.Format)
}

func writeFeatures(out io.Writer, features *geojson.FeatureCollection, format string) error {
	switch format {
	case "csv":
		return writeCSV(out, features)
	case "ndjson":
		encoder := json.NewEncoder(out)
		for _, f := range features.Features {
			if err := encoder.Encode(f); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
		}
		return nil
	}
	text, err := json.MarshalIndent(features, "", " ")
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// writeCSV writes one row a feature: its position, then its properties by name. Text that a spreadsheet would take for a
// formula gets an apostrophe before it.
func writeCSV(out io.Writer, features *geojson.FeatureCollection) error {
	w := csv.NewWriter(out)
	var names []string
	for i, f := range features.Features {
		if i == 0 {
			for name := range f.Properties {
				names = append(names, name)
			}
			slices.Sort(names)
			if err := w.Write(append([]string{"lat", "lon"}, names...)); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
		}
		at, ok := f.Geometry.(orb.Point)
		if !ok {
			return fmt.Errorf("feature %v is no point", f.ID)
		}
		row := []string{fmt.Sprint(at.Lat()), fmt.Sprint(at.Lon())}
		for _, name := range names {
			cell := ""
			if v := f.Properties[name]; v != nil {
				cell = fmt.Sprint(v)
			}
			if _, text := f.Properties[name].(string); text && cell != "" && slices.Contains([]byte("=+-@\t\r"), cell[0]) {
				cell = "'" + cell
			}
			row = append(row, cell)
		}
		if err := w.Write(row); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	w.Flush()
	return w.Error()
}
