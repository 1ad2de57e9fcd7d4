package recording

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const peeked = 64 << 10 // bytes that tell how lines end

// textOf is a file as UTF-8 with line feeds: byte order marks say what it is else, and old programs end lines with a carriage return.
func textOf(r io.Reader) *bufio.Reader {
	plain := bufio.NewReaderSize(transform.NewReader(r, unicode.BOMOverride(transform.Nop)), peeked)
	if start, _ := plain.Peek(peeked); bytes.IndexByte(start, '\r') < 0 || bytes.IndexByte(start, '\n') >= 0 {
		return plain
	}
	return bufio.NewReader(lineFeeds{plain})
}

// lineFeeds reads carriage returns as line feeds.
type lineFeeds struct{ from io.Reader }

func (l lineFeeds) Read(b []byte) (int, error) {
	n, err := l.from.Read(b)
	for i := range b[:n] {
		if b[i] == '\r' {
			b[i] = '\n'
		}
	}
	return n, err
}
