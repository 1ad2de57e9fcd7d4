package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/streetpulse/streetpulse/geo"
)

type importCommand struct {
	Streets   importStreets   `cmd:"" help:"Import streets, furniture and ground from an OpenStreetMap extract (.osm.pbf, .osm, .osm.gz); replaces what was imported before."`
	Furniture importFurniture `cmd:"" help:"Import a city's register of speed bumps, castings, rails or joints (GeoJSON or CSV)."`
	Bodies    importBodies    `cmd:"" help:"Import who is responsible where: boundaries with names and parents (GeoJSON); replaces what was imported before."`
	Cases     importCases     `cmd:"" help:"Import a 311 system's pothole cases (CSV)."`
}

type importStreets struct {
	store
	File string `arg:"" help:"The extract." type:"existingfile"`
}

func (c importStreets) Run(ctx context.Context, o output) (err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the extract: %w", err)
	}
	defer file.Close()
	m, err := geo.ReadOSM(ctx, file, c.File)
	if err != nil {
		return err
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := m.Save(ctx, db.Pool); err != nil {
		return err
	}
	if err := recordDone(ctx, db.Pool, "import.streets", filepath.Base(c.File), fmt.Sprintf("%d streets", len(m.Streets))); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%d streets, %d pieces of furniture, %d pieces of ground. %s. A running server shows them after a restart.\n",
		len(m.Streets), len(m.Furniture), len(m.Ground), m.Attribution)
	return err
}
