package recording

import (
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

// mostBad is the share of lines that may be bad, beyond which a file is something else than it says.
const mostBad = 0.1

// Read reads a recording: CSV with a header, separated by commas, semicolons or tabs, numbers with a point or (quoted, or between
// semicolons or tabs) a comma. Columns may be nil. Lines that it cannot read are left out and counted in the notes. It returns an ErrColumns
// for a header that it does not understand, and a *LineError for the first bad line where more than a tenth are bad, together with the rest.
func Read(r io.Reader, columns Columns) (*Recording, error) {
	text := textOf(r)
	first, err := text.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	lines := csv.NewReader(io.MultiReader(strings.NewReader(first), text))
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
		var cut *csv.ParseError
		if errors.As(err, &cut) {
			p.spoilt(cut.Line, cut.Line-cut.StartLine+1, cut.Err)
			continue
		}
		if err != nil {
			return rec, fmt.Errorf("read the recording: %w", err)
		}
		line, _ := lines.FieldPos(0)
		row, err := p.row(fields)
		switch {
		case errors.Is(err, errNothing):
			p.empty++
		case err != nil:
			p.spoilt(line, 1, err)
		default:
			rec.Rows, p.lines = append(rec.Rows, row), append(p.lines, line)
		}
	}
	return rec, rec.finish(&p)
}

// finish looks at what was read as a whole.
func (rec *Recording) finish(p *reader) error {
	if !p.dated {
		rec.tellClock(p.l.name[colT], p.l.timed)
	}
	good := rec.Rows[:0]
	for i, row := range rec.Rows {
		if math.Abs(row.T) > latest {
			p.spoilt(p.lines[i], 1, fmt.Errorf("%s: %g s is no time; if it is milliseconds, say --columns t_s=%s:ms", p.l.name[colT], row.T, p.l.name[colT]))
			continue
		}
		good = append(good, row)
	}
	rec.Rows = good
	if p.empty > 0 {
		rec.note("lines with neither an acceleration nor a position: %d", p.empty)
	}
	if p.lost > 0 {
		rec.note("positions off the globe, or half a one, which are taken as not known: %d", p.lost)
	}
	if p.zoneless {
		rec.note("times name no zone: they are taken as UTC")
	}
	rec.look()
	if p.bad == 0 && p.empty > 0 && len(rec.Rows) == 0 {
		return &LineError{2, errNothing.Error() + ", nor has any other line"}
	}
	if p.bad == 0 {
		return nil
	}
	all := p.bad + len(rec.Rows)
	if float64(p.bad) > mostBad*float64(all) {
		reason := p.first.Reason
		if p.bad > 1 {
			reason = fmt.Sprintf("%s (and %d more of %d lines cannot be read)", reason, p.bad-1, all)
		}
		return &LineError{p.first.Line, reason}
	}
	rec.note("%d of %d lines cannot be read and are left out; the first is line %d: %s", p.bad, all, p.first.Line, p.first.Reason)
	return nil
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

func (rec *Recording) note(format string, args ...any) {
	rec.Notes = append(rec.Notes, fmt.Sprintf(format, args...))
}

// reader reads lines.
type reader struct {
	l    *layout
	days float64 // midnights that a clock has passed, in s; NaN: times are no clock's
	last float64 // clock of the line before

	lines    []int     // of the rows
	bad      int       // lines that cannot be read
	first    LineError // the first of them
	empty    int       // lines without anything
	lost     int       // positions that are none
	dated    bool      // times are dates, or a clock's
	zoneless bool      // some of them have no zone
}

// errNothing is a line that says nothing.
var errNothing = errors.New("neither an acceleration nor a position")

// spoilt counts lines that cannot be read.
func (p *reader) spoilt(line, count int, why error) {
	if p.bad == 0 {
		p.first = LineError{line, why.Error()}
	}
	p.bad += count
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
			if seconds, ok := p.time(text); ok {
				x[i] = seconds
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

const fastestMPS = 200.0 // what is faster is written for not known

// spare says whether the header ends with a nameless column, which lines may leave out.
func (l *layout) spare() bool {
	for _, k := range l.field {
		if k == l.width-1 {
			return false
		}
	}
	return true
}

// time reads a time that is no plain number.
func (p *reader) time(text string) (float64, bool) {
	if seconds, ok := clock(text); ok {
		p.dated = true
		return p.midnight(seconds), true
	}
	seconds, zoned, ok := date(text)
	if ok {
		p.dated, p.zoneless = true, p.zoneless || !zoned
	}
	return seconds, ok
}

func (p *reader) check(row *Row) error {
	missing := 0
	for i, a := range row.Acc {
		if math.IsNaN(a) {
			missing++
		} else if math.Abs(a) > 1e4 {
			return fmt.Errorf("%s: %g m/s² is no acceleration of a car", p.l.name[colAx+i], a)
		}
	}
	if lat, lon := math.Abs(row.Lat), math.Abs(row.Lon); math.IsNaN(lat) != math.IsNaN(lon) || lat > 90 || lon > 180 {
		p.lost++
		row.Lat, row.Lon = math.NaN(), math.NaN()
	}
	switch {
	case missing == 3 && math.IsNaN(row.Lat):
		return errNothing
	case math.IsNaN(row.T):
		return fmt.Errorf("%s: no time", p.l.name[colT])
	case missing > 0 && missing < 3:
		return errors.New("one acceleration is missing; an axis that was not recorded is 0")
	}
	if row.Lat == 0 && row.Lon == 0 { // as phones have it before the first fix, and then they do not know their speed either
		row.Lat, row.Lon, row.Speed, row.Heading, row.AccuracyM = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	if row.Speed < 0 || row.Speed > fastestMPS { // as iPhones have it where they do not know, and others
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
