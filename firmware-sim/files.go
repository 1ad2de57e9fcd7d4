package firmwaresim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// All drives every day and returns what is sent in order of delivery.
func (c *City) All() []Sent {
	var sent []Sent
	for day := range c.options.Days {
		sent = append(sent, c.Day(day)...)
	}
	return byDelivery(sent)
}

// WriteFiles drives every day and writes the events to path as a replay file, and beside it what only the simulator knows:
// path.truth.json, and path.causes.ndjson with the cause of each event. It returns the number of events.
func (c *City) WriteFiles(path string) (int, error) {
	sent := c.All()
	var line []byte
	err := write(path, func(w io.Writer) error {
		for i := range sent {
			line = append(sent[i].Line.Append(line[:0]), '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	err = write(path+".causes.ndjson", func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		for i := range sent {
			if err := encoder.Encode(sent[i].Cause); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(sent), write(path+".truth.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(c.Truth()) })
}

func write(path string, fill func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the simulated city: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriterSize(file, 1<<20)
	if err := fill(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return w.Flush()
}
