package recording

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Columns says how a file names its columns: by our name, its name. A nil map is to find out by itself.
type Columns map[string]Column

// Column is a column's name in the file, and the unit of its numbers; empty: the unit that our name says.
type Column struct{ Name, Unit string }

// ErrColumns is what is wrong with a header, or with the names that were given for it.
var ErrColumns = errors.New("columns")

// Our names, in the order of the fields of a row.
const (
	colT = iota
	colAx
	colAy
	colAz
	colGx
	colGy
	colGz
	colLat
	colLon
	colSpeed
	colHeading
	colAccuracy
	numColumns
)

func ourNames() [numColumns]string {
	return [numColumns]string{"t_s", "ax_mps2", "ay_mps2", "az_mps2", "gx_rads", "gy_rads", "gz_rads", "lat", "lon", "speed_mps", "heading_deg", "accuracy_m"}
}

// factorOf is what a number in a unit is multiplied by for ours.
func factorOf(column int, unit string) (float64, bool) {
	switch {
	case unit == "":
		return 1, true
	case column == colT && unit == "s", column == colSpeed && unit == "m/s", column >= colAx && column <= colAz && unit == "m/s2",
		column >= colGx && column <= colGz && unit == "rad/s":
		return 1, true
	case column == colT && unit == "ms":
		return 1e-3, true
	case column == colT && unit == "us":
		return 1e-6, true
	case column == colT && unit == "ns":
		return 1e-9, true
	case column >= colAx && column <= colAz && unit == "g":
		return 9.80665, true
	case column >= colGx && column <= colGz && unit == "deg/s":
		return 0.017453292519943295, true
	case column == colSpeed && unit == "km/h":
		return 1 / 3.6, true
	case column == colSpeed && unit == "mph":
		return 0.44704, true
	}
	return 0, false
}

// ParseColumns reads names and units as a person writes them: t_s=timestamp:ms,ax_mps2=accX:g,…
func ParseColumns(text string) (Columns, error) {
	if text == "" {
		return nil, nil
	}
	names := ourNames()
	columns := Columns{}
	for part := range strings.SplitSeq(text, ",") {
		ours, theirs, ok := strings.Cut(part, "=")
		ours = strings.TrimSpace(ours)
		i := slices.Index(names[:], ours)
		if !ok || i < 0 {
			return nil, fmt.Errorf("%w: %q is not OURS=THEIRS with one of ours: %s", ErrColumns, part, strings.Join(names[:], ", "))
		}
		if _, twice := columns[ours]; twice {
			return nil, fmt.Errorf("%w: %s is given twice", ErrColumns, ours)
		}
		name, unit := theirs, ""
		if k := strings.LastIndexByte(theirs, ':'); k >= 0 {
			if _, known := factorOf(i, theirs[k+1:]); known {
				name, unit = theirs[:k], theirs[k+1:]
			}
		}
		columns[ours] = Column{strings.TrimSpace(name), unit}
	}
	return columns, nil
}

// physicsToolbox is how the app Physics Toolbox Sensor Suite names the columns of its g-force meter with a GPS.
func physicsToolbox() Columns {
	return Columns{"t_s": {"time", ""}, "ax_mps2": {"gFx", "g"}, "ay_mps2": {"gFy", "g"}, "az_mps2": {"gFz", "g"},
		"lat": {"Latitude", ""}, "lon": {"Longitude", ""}, "speed_mps": {"Speed (m/s)", ""}}
}

// layout is where a file has what.
type layout struct {
	field  [numColumns]int // index of the field; -1: the file has none
	factor [numColumns]float64
	name   [numColumns]string // in the file
	width  int                // fields of a line
	timed  bool               // somebody has said what the clock counts
	unused []string           // columns that mean nothing to us
}

// newLayout finds the columns in a header.
func newLayout(header []string, columns Columns) (*layout, error) {
	if columns == nil {
		columns = Columns{}
		if slices.Contains(header, "gFx") {
			columns = physicsToolbox()
		}
	}
	l := &layout{width: len(header)}
	used := make([]bool, len(header))
	for i, ours := range ourNames() {
		c, told := columns[ours]
		if !told {
			c.Name = ours
		}
		l.name[i] = c.Name
		if i == colT {
			l.timed = c.Unit != ""
		}
		l.field[i] = slices.Index(header, c.Name)
		if k := l.field[i]; k >= 0 {
			if slices.Contains(header[k+1:], c.Name) {
				return nil, fmt.Errorf("%w: %q stands twice in the header", ErrColumns, c.Name)
			}
			used[k] = true
		} else if told && i > colAz {
			if _, guessed := physicsToolbox()[ours]; !guessed {
				return nil, fmt.Errorf("%w: the header has no %q", ErrColumns, c.Name)
			}
		}
		var ok bool
		if l.factor[i], ok = factorOf(i, c.Unit); !ok {
			return nil, fmt.Errorf("%w: %s is not a unit of %s", ErrColumns, c.Unit, ours)
		}
	}
	var missing []string
	for i := colT; i <= colAz; i++ {
		if l.field[i] < 0 {
			missing = append(missing, l.name[i])
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: the header has no %s; it has %s. --columns says what a file calls them", ErrColumns, strings.Join(missing, ", "), shortened(strings.Join(header, ", ")))
	}
	if (l.field[colLat] < 0) != (l.field[colLon] < 0) {
		return nil, fmt.Errorf("%w: %s without %s", ErrColumns, l.name[colLat], l.name[colLon])
	}
	for i, name := range header {
		if !used[i] && name != "" {
			l.unused = append(l.unused, name)
		}
	}
	return l, nil
}

// shortened is a text that fits into an error.
func shortened(text string) string {
	const longest = 300
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
