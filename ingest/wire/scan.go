package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep unknown members may be nested.
const maxDepth = 1000

// scanner reads JSON (RFC 8259), and the literals NaN, Infinity and -Infinity where a value may stand. Its errors
// mean that the text is not JSON; what is merely of an unexpected type is the caller's business.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) fail(what string) error {
	return fmt.Errorf("not JSON: %s at byte %d", what, s.pos)
}

// peek returns the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// open steps into an object or array and says whether it has a first member or element.
func (s *scanner) open(closing byte) bool {
	s.pos++
	if s.peek() == closing {
		s.pos++
		return false
	}
	return true
}

// more stands behind a member or element and says whether another follows.
func (s *scanner) more(closing byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	}
	return false, s.fail("expected a comma or the end of an object or array")
}

// key reads a member's name and its colon. A name that is not valid text is returned as "", which no rule knows.
func (s *scanner) key() (string, error) {
	if s.peek() != '"' {
		return "", s.fail("expected a member's name")
	}
	name, valid, err := s.str()
	if err != nil {
		return "", err
	}
	if s.peek() != ':' {
		return "", s.fail("expected a colon")
	}
	s.pos++
	if !valid {
		name = ""
	}
	return name, nil
}

// str reads a string. valid is false where it holds invalid UTF-8 or half a surrogate pair: that is broken text in
// a well-formed document, and no reason to lose the document.
func (s *scanner) str() (value string, valid bool, err error) {
	s.pos++
	start := s.pos
	ascii := true
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '"':
			value = s.text[start:s.pos]
			s.pos++
			return value, ascii || utf8.ValidString(value), nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return "", false, s.fail("a control character in a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		s.pos++
	}
	return "", false, s.fail("a string has no end")
}

// escaped reads on in a string that has escapes, from the first of them.
func (s *scanner) escaped(start int) (string, bool, error) {
	var b strings.Builder
	b.WriteString(s.text[start:s.pos])
	valid := true
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c < ' ' {
			return "", false, s.fail("a control character in a string")
		}
		s.pos++
		if c == '"' {
			return b.String(), valid && utf8.ValidString(b.String()), nil
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if s.pos == len(s.text) {
			break
		}
		c = s.text[s.pos]
		s.pos++
		switch c {
		case '"', '\\', '/':
			b.WriteByte(c)
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r, err := s.hex()
			if err != nil {
				return "", false, err
			}
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if strings.HasPrefix(s.text[s.pos:], `\u`) {
					s.pos += 2
					if low, err = s.hex(); err != nil {
						return "", false, err
					}
				}
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					valid = false
				}
			}
			b.WriteRune(r)
		default:
			return "", false, s.fail("an unknown escape")
		}
	}
	return "", false, s.fail("a string has no end")
}

func (s *scanner) hex() (rune, error) {
	if s.pos+4 > len(s.text) {
		return 0, s.fail("a string has no end")
	}
	var r rune
	for _, c := range []byte(s.text[s.pos : s.pos+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, s.fail("an unknown escape")
		}
	}
	s.pos += 4
	return r, nil
}

// startsNumber says whether number can read what begins with c.
func startsNumber(c byte) bool {
	return c == '-' || c >= '0' && c <= '9' || c == 'N' || c == 'I'
}

// number reads a number. One too large for a float64 is an infinity.
func (s *scanner) number() (float64, error) {
	if c := s.text[s.pos]; c == 'N' || c == 'I' || strings.HasPrefix(s.text[s.pos:], "-I") {
		return s.notANumber()
	}
	start := s.pos
	negative := s.text[s.pos] == '-'
	if negative {
		s.pos++
	}
	var mantissa uint64
	whole := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(s.text[s.pos]-'0')
		s.pos++
	}
	digits := s.pos - whole // that mantissa holds; leading zeros count, which only sends rare numbers the slow way
	switch {
	case digits == 0:
		return 0, s.fail("expected a digit")
	case digits > 1 && s.text[whole] == '0':
		return 0, s.fail("a number begins with 0")
	}
	exponent := 0
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		fraction := s.pos
		for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(s.text[s.pos]-'0')
			s.pos++
		}
		exponent = fraction - s.pos
		if exponent == 0 {
			return 0, s.fail("expected a digit")
		}
		digits -= exponent
	}
	scientific := s.pos < len(s.text) && s.text[s.pos]|0x20 == 'e'
	if scientific {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		first := s.pos
		for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
			s.pos++
		}
		if s.pos == first {
			return 0, s.fail("expected a digit")
		}
	}
	// A mantissa and a power of ten that are both exact in a float64 give the nearest float64 (Clinger, 1990).
	if !scientific && digits <= 19 && mantissa < 1<<53 && exponent >= -22 {
		f := float64(mantissa) / tens(-exponent)
		if negative {
			f = -f
		}
		return f, nil
	}
	f, _ := strconv.ParseFloat(s.text[start:s.pos], 64) // its syntax is right; out of range it returns an infinity
	return f, nil
}

// tens returns 10^n, exactly, for n up to 22.
func tens(n int) float64 {
	switch n {
	case 0:
		return 1
	case 1:
		return 1e1
	case 2:
		return 1e2
	case 3:
		return 1e3
	case 4:
		return 1e4
	case 5:
		return 1e5
	case 6:
		return 1e6
	case 7:
		return 1e7
	}
	return math.Pow10(n)
}

func (s *scanner) notANumber() (float64, error) {
	for _, known := range []struct {
		literal string
		value   float64
	}{{"NaN", math.NaN()}, {"Infinity", math.Inf(1)}, {"-Infinity", math.Inf(-1)}} {
		if strings.HasPrefix(s.text[s.pos:], known.literal) {
			s.pos += len(known.literal)
			return known.value, nil
		}
	}
	return 0, s.fail("an unknown literal")
}

func (s *scanner) literal(word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.fail("an unknown literal")
	}
	s.pos += len(word)
	return nil
}

// skip reads over one value of any kind.
func (s *scanner) skip() error { return s.skipAt(0) }

func (s *scanner) skipAt(depth int) error {
	switch c := s.peek(); {
	case c == '"':
		_, _, err := s.str()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case startsNumber(c):
		_, err := s.number()
		return err
	case c != '{' && c != '[':
		return s.fail("expected a value")
	case depth == maxDepth:
		return s.fail("nested too deeply")
	case c == '{':
		for more := s.open('}'); more; {
			_, err := s.key()
			if err == nil {
				err = s.skipAt(depth + 1)
			}
			if err == nil {
				more, err = s.more('}')
			}
			if err != nil {
				return err
			}
		}
		return nil
	default:
		for more := s.open(']'); more; {
			err := s.skipAt(depth + 1)
			if err == nil {
				more, err = s.more(']')
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}
