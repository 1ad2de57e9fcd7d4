package queue

import (
	"fmt"
	"io"
	"os"
)

// Flash is memory that is written page by page and erased by the segment.
type Flash interface {
	// Shape returns how many segments there are, and the bytes of a segment and of a page. It never changes.
	Shape() (segments, segment, page int)
	// Read reads all of b from a segment.
	Read(segment, at int, b []byte) error
	// Write writes whole pages that have been erased, and returns when they will survive a power cut.
	Write(segment, at int, b []byte) error
	// Erase sets all bytes of a segment to blank, and returns when that will survive a power cut.
	Erase(segment int) error
}

const blank = 0xff // what an erased byte reads as

// Memory is flash in RAM, for simulated units. It takes memory for segments that hold something only.
type Memory struct {
	segments, segment, page int
	content                 [][]byte
}

// NewMemory makes one, erased.
func NewMemory(segments, segment, page int) *Memory {
	return &Memory{segments, segment, page, make([][]byte, segments)}
}

// Shape returns its shape.
func (m *Memory) Shape() (segments, segment, page int) { return m.segments, m.segment, m.page }

// Read reads.
func (m *Memory) Read(segment, at int, b []byte) error {
	from := m.content[segment]
	n := 0
	if at < len(from) {
		n = copy(b, from[at:])
	}
	for i := n; i < len(b); i++ {
		b[i] = blank
	}
	return nil
}

// Write writes.
func (m *Memory) Write(segment, at int, b []byte) error {
	for len(m.content[segment]) < at {
		m.content[segment] = append(m.content[segment], blank)
	}
	m.content[segment] = append(m.content[segment][:at], b...)
	return nil
}

// Erase erases.
func (m *Memory) Erase(segment int) error {
	m.content[segment] = nil
	return nil
}

// File is flash in a file, for units with a file system. Close it when done.
type File struct {
	file                    *os.File
	segments, segment, page int
}

// OpenFile opens a file as flash of a shape, and makes it where there is none. Another shape than the file was made with reads as
// damage: what does not fit is lost.
func OpenFile(path string, segments, segment, page int) (*File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the queue's file: %w", err)
	}
	return &File{file, segments, segment, page}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Shape returns its shape.
func (f *File) Shape() (segments, segment, page int) { return f.segments, f.segment, f.page }

// Read reads. What lies beyond the file's end is blank.
func (f *File) Read(segment, at int, b []byte) error {
	n, err := f.file.ReadAt(b, int64(segment)*int64(f.segment)+int64(at))
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the queue's file: %w", err)
	}
	for i := n; i < len(b); i++ {
		b[i] = blank
	}
	return nil
}

// Write writes and waits for the disk.
func (f *File) Write(segment, at int, b []byte) error {
	if _, err := f.file.WriteAt(b, int64(segment)*int64(f.segment)+int64(at)); err != nil {
		return fmt.Errorf("write the queue's file: %w", err)
	}
	return f.sync()
}

// Erase writes blanks over a segment and waits for the disk.
func (f *File) Erase(segment int) error {
	page := make([]byte, f.page)
	for i := range page {
		page[i] = blank
	}
	for at := 0; at < f.segment; at += f.page {
		if _, err := f.file.WriteAt(page, int64(segment)*int64(f.segment)+int64(at)); err != nil {
			return fmt.Errorf("erase in the queue's file: %w", err)
		}
	}
	return f.sync()
}

func (f *File) sync() error {
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("wait for the queue's file: %w", err)
	}
	return nil
}
