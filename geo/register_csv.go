package geo

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/paulmach/orb"
)

// ReadRegister reads a city's register of furniture: a GeoJSON FeatureCollection of Points, or CSV with a header, told
// apart by their first character. usual is the kind of entries that name none, "" where each must. Entries that cannot
// be used are in the register's Refused. It fails where r does, and where the file as a whole is something else.
func ReadRegister(r io.Reader, usual string) (*Register, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	d := newRegisterDraft(usual)
	head, err := in.Peek(1 << 12)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	first := bytes.TrimSpace(head)
	switch {
	case len(first) == 0:
		return nil, errors.New("the file is empty")
	case first[0] == '{' || first[0] == '[':
		err = d.readGeoJSON(in)
	default:
		err = d.readCSV(in, head)
	}
	if err != nil {
		return nil, err
	}
	return &d.Register, nil
}

// delimiters of CSV files, the likeliest first.
const delimiters = ",;\t|"

// delimiterOf returns what divides the columns of the file's first line.
func delimiterOf(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best, most := ',', 0
	for _, d := range delimiters {
		if n := strings.Count(string(line), string(d)); n > most {
			best, most = d, n
		}
	}
	return best
}

// columns are the places of a CSV file's columns, by normalised name.
type columns map[string]int

func (c columns) has(names ...string) bool {
	for _, name := range names {
		if _, ok := c[name]; ok {
			return true
		}
	}
	return false
}

// word returns the first of the named columns that says something in a row.
func (c columns) word(row []string, names ...string) string {
	for _, name := range names {
		if at, ok := c[name]; ok && at < len(row) {
			if text := strings.TrimSpace(row[at]); text != "" {
				return text
			}
		}
	}
	return ""
}

// Names of the columns of a position.
func latNames() []string { return []string{"lat", "latitude"} }
func lonNames() []string { return []string{"lon", "longitude", "lng", "long"} }

func (d *registerDraft) readCSV(in io.Reader, head []byte) error {
	r := csv.NewReader(in)
	r.Comma = delimiterOf(head)
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("the header cannot be read: %w", err)
	}
	wide := len(header)
	at := columns{}
	for i, name := range header {
		if _, twice := at[normalWord(name)]; !twice {
			at[normalWord(name)] = i
		}
	}
	if !at.has(latNames()...) || !at.has(lonNames()...) {
		return fmt.Errorf("the header has no columns lat and lon (or latitude and longitude): %s", strings.Join(header, ", "))
	}
	if d.usual == "" && !at.has("kind", "type", "traffic_calming", "railway", "manhole") {
		return errors.New("the header has no column kind; where all entries are of one kind, name it with --kind")
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			d.Whole = true
			return nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			d.refuse(wrong.StartLine, "quotes do not match: %v", wrong.Err)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the register: %w", err)
		}
		line, _ := r.FieldPos(0)
		if len(row) != wide {
			d.refuse(line, "%d columns, the header has %d", len(row), wide)
			continue
		}
		d.addRow(line, at, row, r.Comma != ',')
	}
}

func (d *registerDraft) addRow(line int, at columns, row []string, decimalComma bool) {
	var p orb.Point
	for i, names := range [][]string{lonNames(), latNames()} {
		text := at.word(row, names...)
		if decimalComma && strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
			text = strings.Replace(text, ",", ".", 1)
		}
		n, err := parseNumber(text)
		if err != nil {
			d.refuse(line, "%s %q is no number", names[0], text)
			return
		}
		p[i] = n
	}
	d.add(line, func(names ...string) string { return at.word(row, names...) }, p)
}
