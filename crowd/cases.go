package crowd

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streetpulse/streetpulse/geo"
)

// CaseMapping says how to read one 311 system's export: a JSON file, made once for a city.
type CaseMapping struct {
	// Source names the system where the command line does not.
	Source  string      `json:"source,omitempty"`
	Columns CaseColumns `json:"columns"`
	// Potholes are the values of the category column that are potholes, letter by letter but for case and outer blanks;
	// empty: every row is one.
	Potholes []string `json:"potholes,omitempty"`
	Time     CaseTime `json:"time"`
	// Delimiter divides the columns; empty: a comma.
	Delimiter string `json:"delimiter,omitempty"`
}

// CaseColumns are the names of the columns. Closed and Category may be empty.
type CaseColumns struct {
	ID       string `json:"id"`
	Lat      string `json:"lat"`
	Lon      string `json:"lon"`
	Opened   string `json:"opened"`
	Closed   string `json:"closed,omitempty"`
	Category string `json:"category,omitempty"`
}

// CaseTime says how times are written: Layout in the words of strftime (%m/%d/%Y %H:%M) or of Go (01/02/2006 15:04), Zone a
// name of the IANA time zone database; empty: RFC 3339, and UTC.
type CaseTime struct {
	Layout string `json:"layout,omitempty"`
	Zone   string `json:"zone,omitempty"`
}

// Case is a pothole that somebody has told the city of.
type Case struct {
	ID       string
	Lat, Lon float64
	Cell     geo.Cell   // H3 resolution 12
	Opened   time.Time  // UTC
	Closed   *time.Time // nil: open
}

// CaseRow is one row of a 311 system's file.
type CaseRow struct {
	Line    int
	Case    Case
	Other   bool  // of another category: nothing of Case but the id is filled
	Refused error // why the row cannot be used
}

// ReadCaseMapping reads a mapping. Members that it does not know are errors: they are most likely misspelt.
func ReadCaseMapping(r io.Reader) (CaseMapping, error) {
	var m CaseMapping
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return m, fmt.Errorf("read the mapping: %w", err)
	}
	for _, need := range [][2]string{{"id", m.Columns.ID}, {"lat", m.Columns.Lat}, {"lon", m.Columns.Lon}, {"opened", m.Columns.Opened}} {
		if need[1] == "" {
			return m, fmt.Errorf("the mapping names no column for %s", need[0])
		}
	}
	if m.Columns.Category != "" && len(m.Potholes) == 0 {
		return m, errors.New("the mapping names a category column, but under potholes no category that counts as one")
	}
	if len(m.Potholes) > 0 && m.Columns.Category == "" {
		return m, errors.New("the mapping names categories, but no category column")
	}
	if utf8.RuneCountInString(m.Delimiter) > 1 || strings.ContainsAny(m.Delimiter, "\"\r\n\ufffd") {
		return m, fmt.Errorf("the mapping's delimiter %q is not one character", m.Delimiter)
	}
	if _, err := m.clock(); err != nil {
		return m, err
	}
	return m, nil
}

// maxCaseID bounds the length of a case's id, bytes.
const maxCaseID = 200

// Read reads rows one by one and calls yield with each. It returns an error only where reading itself fails, the header
// lacks a column, or yield fails.
func (m CaseMapping) Read(r io.Reader, yield func(CaseRow) error) error {
	clock, err := m.clock()
	if err != nil {
		return err
	}
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	if m.Delimiter != "" {
		in.Comma, _ = utf8.DecodeRuneInString(m.Delimiter)
	}
	header, err := in.Read()
	if err != nil {
		return fmt.Errorf("the header cannot be read: %w", err)
	}
	c, err := m.find(header)
	if err != nil {
		return err
	}
	c.clock = clock
	wide := len(header)
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var wrong *csv.ParseError
		out := CaseRow{}
		switch {
		case errors.As(err, &wrong):
			out = CaseRow{Line: wrong.StartLine, Refused: fmt.Errorf("quotes do not match: %w", wrong.Err)}
		case err != nil:
			return fmt.Errorf("read the cases: %w", err)
		default:
			out.Line, _ = in.FieldPos(0)
			if len(row) != wide {
				out.Refused = fmt.Errorf("%d columns, the header has %d", len(row), wide)
			} else {
				out.Case, out.Other, out.Refused = c.read(row)
			}
		}
		if err := yield(out); err != nil {
			return err
		}
	}
}

// caseReader reads rows of one file.
type caseReader struct {
	id, lat, lon, opened, closed, category int // columns; -1: there is none
	potholes                               map[string]bool
	clock                                  func(string) (time.Time, error)
}

func (m CaseMapping) find(header []string) (caseReader, error) {
	var missing []string
	column := func(name string) int {
		if name == "" {
			return -1
		}
		for i, h := range header {
			if strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")) == name {
				return i
			}
		}
		missing = append(missing, name)
		return -1
	}
	c := caseReader{
		id: column(m.Columns.ID), lat: column(m.Columns.Lat), lon: column(m.Columns.Lon), opened: column(m.Columns.Opened),
		closed: column(m.Columns.Closed), category: column(m.Columns.Category), potholes: map[string]bool{},
	}
	for _, p := range m.Potholes {
		c.potholes[category(p)] = true
	}
	if len(missing) > 0 {
		return c, fmt.Errorf("the file has no column %s; its columns are %s", strings.Join(missing, ", "), strings.Join(header, ", "))
	}
	return c, nil
}

func category(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// soonClosed is how much earlier than its opening a case may be closed, by clocks that differ, and is then taken as closed
// at once. (In Boston's file of 2015 some are, by up to 40 s.)
const soonClosed = time.Hour

func (c caseReader) read(row []string) (Case, bool, error) {
	out := Case{ID: strings.Clone(strings.TrimSpace(row[c.id]))}
	if out.ID == "" || len(out.ID) > maxCaseID || !utf8.ValidString(out.ID) || strings.ContainsRune(out.ID, 0) {
		return Case{}, false, fmt.Errorf("id %.40q is empty, no text, or longer than %d bytes", out.ID, maxCaseID)
	}
	if c.category >= 0 && !c.potholes[category(row[c.category])] {
		return out, true, nil
	}
	var err error
	if out.Lat, err = degree(row[c.lat]); err != nil {
		return Case{}, false, fmt.Errorf("latitude: %w", err)
	}
	if out.Lon, err = degree(row[c.lon]); err != nil {
		return Case{}, false, fmt.Errorf("longitude: %w", err)
	}
	if math.Abs(out.Lat) > 90 || math.Abs(out.Lon) > 180 || out.Lat == 0 && out.Lon == 0 {
		return Case{}, false, fmt.Errorf("latitude %g, longitude %g is no position in WGS 84 degrees", out.Lat, out.Lon)
	}
	if out.Cell, err = geo.FineCell(out.Lat, out.Lon); err != nil {
		return Case{}, false, err
	}
	if out.Opened, err = c.clock(row[c.opened]); err != nil {
		return Case{}, false, fmt.Errorf("opened: %w", err)
	}
	if c.closed < 0 || strings.TrimSpace(row[c.closed]) == "" {
		return out, false, nil
	}
	closed, err := c.clock(row[c.closed])
	if err != nil {
		return Case{}, false, fmt.Errorf("closed: %w", err)
	}
	if closed.Before(out.Opened) {
		if out.Opened.Sub(closed) > soonClosed {
			return Case{}, false, fmt.Errorf("closed at %s, before it was opened at %s", closed.Format(time.RFC3339), out.Opened.Format(time.RFC3339))
		}
		closed = out.Opened
	}
	out.Closed = &closed
	return out, false, nil
}

func degree(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, errors.New("none")
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%.40q is no number", text)
	}
	return x, nil
}
