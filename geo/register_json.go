package geo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/paulmach/orb"
)

// lineCounter remembers where lines of what is read through it begin, as far as somebody may still ask.
type lineCounter struct {
	in     io.Reader
	read   int64
	breaks []int64 // offsets of line breaks not passed yet
	passed int     // line breaks before them
}

func (c *lineCounter) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	for i, x := range b[:n] {
		if x == '\n' {
			c.breaks = append(c.breaks, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

// line returns the line of an offset. Offsets must not go back.
func (c *lineCounter) line(offset int64) int {
	n := 0
	for n < len(c.breaks) && c.breaks[n] < offset {
		n++
	}
	c.breaks = c.breaks[n:]
	c.passed += n
	return c.passed + 1
}

// feature is what is read of a GeoJSON feature (RFC 7946, 3.2).
type feature struct {
	Type       string                     `json:"type"`
	ID         json.RawMessage            `json:"id"`
	Properties map[string]json.RawMessage `json:"properties"`
	Geometry   *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

// readGeoJSON reads feature by feature, so that one that is wrong costs nothing but itself, and the size of the file
// no memory. Where the file breaks off, what came before is kept.
func (d *registerDraft) readGeoJSON(in io.Reader) error {
	lines := &lineCounter{in: in}
	decoder := json.NewDecoder(lines)
	found, err := d.features(decoder, lines)
	var syntax *json.SyntaxError
	switch {
	case err == nil && !found:
		return errors.New("not a GeoJSON FeatureCollection: there is no member features")
	case err == nil:
		d.Whole = true
	case errors.As(err, &syntax):
		d.refuse(lines.line(max(0, syntax.Offset-1)), "not JSON from here on: %v", syntax)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		d.refuse(lines.line(lines.read), "the file is cut off here")
	default:
		return err
	}
	return nil
}

// features passes over the collection's other members. found: there is a member features, and it is a list.
func (d *registerDraft) features(decoder *json.Decoder, lines *lineCounter) (found bool, err error) {
	start, err := decoder.Token()
	if err != nil {
		return false, err
	}
	if start != json.Delim('{') {
		return false, errors.New("not a GeoJSON FeatureCollection: it is a list")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return found, err
		}
		if name != "features" || found {
			var other json.RawMessage
			if err := decoder.Decode(&other); err != nil {
				return found, err
			}
			continue
		}
		open, err := decoder.Token()
		if err != nil {
			return false, err
		}
		if open != json.Delim('[') {
			return false, errors.New("not a GeoJSON FeatureCollection: features is no list")
		}
		found = true
		for decoder.More() {
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err != nil {
				return true, err
			}
			d.addFeature(lines.line(decoder.InputOffset()-int64(len(raw))), raw)
		}
		if _, err := decoder.Token(); err != nil {
			return true, err
		}
	}
	_, err = decoder.Token()
	return found, err
}

func (d *registerDraft) addFeature(line int, raw []byte) {
	var f feature
	if err := json.Unmarshal(raw, &f); err != nil || f.Type != "Feature" {
		d.refuse(line, "no GeoJSON feature")
		return
	}
	if f.Geometry == nil {
		d.refuse(line, "no geometry")
		return
	}
	if f.Geometry.Type != "Point" {
		d.refuse(line, "geometry is %q, want a Point", f.Geometry.Type)
		return
	}
	var position []float64
	if err := json.Unmarshal(f.Geometry.Coordinates, &position); err != nil || len(position) < 2 {
		d.refuse(line, "coordinates %.80s are no position", f.Geometry.Coordinates)
		return
	}
	words := make(map[string]string, len(f.Properties)+1)
	for name, value := range f.Properties {
		if text := plainText(value); text != "" {
			words[normalWord(name)] = text
		}
	}
	if words["id"] == "" {
		words["id"] = plainText(f.ID)
	}
	d.add(line, func(names ...string) string {
		for _, name := range names {
			if text := words[name]; text != "" {
				return text
			}
		}
		return ""
	}, orb.Point{position[0], position[1]})
}

// plainText returns a JSON string's or number's text; "" of anything else.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	value = bytes.TrimSpace(value)
	if len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') {
		if _, err := strconv.ParseFloat(string(value), 64); err == nil {
			return string(value)
		}
	}
	return ""
}
