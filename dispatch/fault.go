package dispatch

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with what somebody lays down. It is an error in English; who shows it in another language goes by its
// Kind and Pairs.
type Fault struct {
	Field string // of what was given, as in "name"
	Kind  string // as in "shape.open"
	Pairs []any  // names and values in its text
	text  string
}

// NewFault returns a fault whose text names its {pairs}.
func NewFault(field, kind, text string, pairs ...any) *Fault {
	return fault(field, kind, text, pairs...)
}

func fault(field, kind, text string, pairs ...any) *Fault {
	return &Fault{Field: field, Kind: kind, Pairs: pairs, text: text}
}

func (f *Fault) Error() string {
	text := f.text
	for i := 0; i+1 < len(f.Pairs); i += 2 {
		text = strings.ReplaceAll(text, fmt.Sprint("{", f.Pairs[i], "}"), fmt.Sprint(f.Pairs[i+1]))
	}
	return text
}

// Faults are all that is wrong with what somebody lays down.
type Faults []*Fault

func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, one := range f {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "; ")
}

// Stale is returned where somebody else has changed what is to be changed since it was seen.
type Stale struct{ Version int64 } // that it has now

func (s *Stale) Error() string {
	return fmt.Sprintf("somebody else has changed it: it is at version %d now", s.Version)
}
