package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/dispatch"
)

type importBodies struct {
	store
	File string `arg:"" help:"GeoJSON: a feature for each body, with a name, and where it has them id, parent, external, classes and streets." type:"existingfile"`
}

func (c importBodies) Run(ctx context.Context, o output) (err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the bodies: %w", err)
	}
	defer file.Close()
	bodies, err := dispatch.ReadBodies(file)
	if err != nil {
		return fmt.Errorf("%s: nothing was changed:\n%w", c.File, err)
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	routed := 0
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		if routed, err = dispatch.ReplaceBodies(ctx, tx, bodies); err != nil {
			return err
		}
		return record(ctx, tx, "import.bodies", filepath.Base(c.File), fmt.Sprintf("%d bodies", len(bodies)))
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%d bodies. %d open orders that were with nobody have theirs now.\n", len(bodies), routed)
	return err
}
