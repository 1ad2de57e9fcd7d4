package recording

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Row is one line of a recording. What the line does not have is NaN.
type Row struct {
	T                         float64    // s: Unix time, or counted from anywhere
	Acc                       [3]float64 // m/s², gravity included as far as the file has it; all NaN in a line that brings a position only
	Turn                      float64    // size of the rotation rate, rad/s
	Lat, Lon                  float64    // degrees
	Speed, Heading, AccuracyM float64    // m/s, degrees, m
}

// Recording is a file that has been read.
type Recording struct {
	Rows  []Row
	Notes []string // what a person should know: what was guessed, passed over, or put right
}

// LineError says which line of a file could not be read, and why.
type LineError struct {
	Line   int
	Reason string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Read reads a recording: CSV with a header, separated by commas, semicolons or tabs, numbers with a point or (quoted, or between
// semicolons or tabs) a comma. Columns may be nil. It returns an ErrColumns for a header that it does not understand and a
// *LineError for the first line that it cannot read, together with what came before it.
func Read(r io.Reader, columns Columns) (*Recording, error) {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && bytes.Equal(mark, []byte{0xEF, 0xBB, 0xBF}) {
		_, _ = buffered.Discard(3)
	}
	first, err := buffered.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	lines := csv.NewReader(io.MultiReader(strings.NewReader(first), buffered))
	lines.Comma = separator(first)
	lines.FieldsPerRecord = -1
	lines.ReuseRecord = true
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: the file is empty", ErrColumns)
	}
	if err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	header = append([]string(nil), header...)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	l, err := newLayout(header, columns)
	if err != nil {
		return nil, err
	}
	rec := &Recording{}
	if len(l.unused) > 0 {
		rec.note("columns that mean nothing here: %s", strings.Join(l.unused, ", "))
	}
	p := reader{l: l, days: math.NaN()}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rec, lineError(err)
		}
		line, _ := lines.FieldPos(0)
		row, err := p.row(fields)
		if err != nil {
			return rec, &LineError{line, err.Error()}
		}
		rec.Rows = append(rec.Rows, row)
	}
	rec.look()
	return rec, nil
}

// separator is what separates the columns of a header.
func separator(header string) rune {
	for _, s := range []rune{';', '\t'} {
		if strings.ContainsRune(header, s) && !strings.ContainsRune(header, ',') {
			return s
		}
	}
	return ','
}

func lineError(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return &LineError{bad.Line, bad.Err.Error()}
	}
	return fmt.Errorf("read the recording: %w", err)
}

func (rec *Recording) note(format string, args ...any) {
	rec.Notes = append(rec.Notes, fmt.Sprintf(format, args...))
}

// reader reads lines.
type reader struct {
	l    *layout
	days float64 // midnights that a clock has passed, in s; NaN: times are no clock's
	last float64 // clock of the line before
}

func (p *reader) row(fields []string) (Row, error) {
	l := p.l
	switch n := len(fields); {
	case n == l.width, n == l.width+1 && fields[l.width] == "", n == l.width-1 && l.spare():
	default:
		return Row{}, fmt.Errorf("%d fields, the header has %d; is it cut off, or are there decimal commas without quotes?", len(fields), l.width)
	}
	var x [numColumns]float64
	for i := range x {
		x[i] = math.NaN()
		if l.field[i] < 0 || l.field[i] >= len(fields) {
			continue
		}
		text := fields[l.field[i]]
		if i == colT {
			if seconds, ok := clock(text); ok {
				x[i] = p.midnight(seconds)
				continue
			}
		}
		value, err := number(text)
		if err != nil {
			return Row{}, fmt.Errorf("%s: %w", l.name[i], err)
		}
		x[i] = value * l.factor[i]
	}
	row := Row{T: x[colT], Acc: [3]float64{x[colAx], x[colAy], x[colAz]}, Lat: x[colLat], Lon: x[colLon], Speed: x[colSpeed],
		Heading: x[colHeading], AccuracyM: x[colAccuracy], Turn: math.Sqrt(x[colGx]*x[colGx] + x[colGy]*x[colGy] + x[colGz]*x[colGz])}
	return row, p.check(&row)
}

// spare says whether the header ends with a nameless column, which lines may leave out.
func (l *layout) spare() bool {
	for _, k := range l.field {
		if k == l.width-1 {
			return false
		}
	}
	return true
}

// latest is the newest time that can be meant as seconds, the year 5138; milliseconds since 1970 are above it.
const latest = 1e11

func (p *reader) check(row *Row) error {
	missing := 0
	for i, a := range row.Acc {
		if math.IsNaN(a) {
			missing++
		} else if math.Abs(a) > 1e4 {
			return fmt.Errorf("%s: %g m/s² is no acceleration of a car", p.l.name[colAx+i], a)
		}
	}
	switch {
	case math.IsNaN(row.T):
		return fmt.Errorf("%s: no time", p.l.name[colT])
	case math.Abs(row.T) > latest:
		return fmt.Errorf("%s: %g s is no time; if it is milliseconds, say --columns t_s=%s:ms", p.l.name[colT], row.T, p.l.name[colT])
	case missing > 0 && missing < 3:
		return errors.New("one acceleration is missing; an axis that was not recorded is 0")
	case missing == 3 && math.IsNaN(row.Lat):
		return errors.New("neither an acceleration nor a position")
	case math.IsNaN(row.Lat) != math.IsNaN(row.Lon):
		return errors.New("half a position")
	case math.Abs(row.Lat) > 90 || math.Abs(row.Lon) > 180:
		return fmt.Errorf("%g, %g is off the globe", row.Lat, row.Lon)
	}
	if row.Lat == 0 && row.Lon == 0 { // as phones have it before the first fix, and then they do not know their speed either
		row.Lat, row.Lon, row.Speed, row.Heading, row.AccuracyM = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	if row.Speed < 0 { // as iPhones have it where they do not know
		row.Speed = math.NaN()
	}
	if row.Heading < 0 || row.Heading > 360 {
		row.Heading = math.NaN()
	}
	return nil
}

// midnight is a clock's time counted on over midnights.
func (p *reader) midnight(seconds float64) float64 {
	const day = 86400
	switch {
	case math.IsNaN(p.days):
		p.days = 0
	case seconds < p.last-day/2:
		p.days += day
	}
	p.last = seconds
	return p.days + seconds
}
