package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/geo"
)

type importFurniture struct {
	store
	File   string `arg:"" help:"The register: GeoJSON (Points) or CSV with a header; kind, lat and lon, and where known id and heading_deg." type:"existingfile"`
	Source string `help:"Name of the register; the file's name by default. What was imported under it before is replaced." placeholder:"NAME"`
	Kind   string `help:"Kind of entries that name none: speed_bump, casting, rail or joint." placeholder:"KIND"`
}

func (c importFurniture) Run(ctx context.Context, o output) (err error) {
	usual := ""
	if c.Kind != "" {
		if usual, err = geo.ParseKind(c.Kind); err != nil {
			return fmt.Errorf("%w: --kind: %w", errUsage, err)
		}
	}
	source := sourceOf(c.Source, c.File)
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the register: %w", err)
	}
	defer file.Close()
	register, err := geo.ReadRegister(file, usual)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	reportRows(o.err, register.Refused)
	if len(register.Fixtures) == 0 {
		return fmt.Errorf("%s: no entry can be used, so nothing was changed", c.File)
	}
	db, err := c.open(ctx, o.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	saved, err := register.Save(ctx, db.Pool, source)
	if err != nil {
		return err
	}
	if err := crowd.Reread(ctx, db.Pool, saved.Cells); err != nil {
		return err
	}
	if err := recordDone(ctx, db.Pool, "import.furniture", source, fmt.Sprintf("%d added, %d changed, %d removed", saved.Added, saved.Changed, saved.Removed)); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s: %d added, %d changed, %d the same, %d removed; %d said twice, %d refused\n",
		source, saved.Added, saved.Changed, saved.Same, saved.Removed, register.Repeated, len(register.Refused))
	if !register.Whole {
		return fmt.Errorf("%s is cut off or damaged: what could be read is stored, and nothing was removed", c.File)
	}
	return nil
}

// sourceOf is the name that was given, else the file's without its folder and ending.
func sourceOf(given, file string) string {
	if given != "" {
		return given
	}
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// reportRows prints every row that was refused.
func reportRows(w io.Writer, rows []geo.RefusedRow) {
	out := bufio.NewWriter(w)
	defer out.Flush()
	for _, r := range rows {
		fmt.Fprintf(out, "line %d: %s\n", r.Line, r.Reason)
	}
}
