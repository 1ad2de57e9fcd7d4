package geo

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/paulmach/orb"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Found is a street that a search found.
type Found struct {
	Name  string
	Point orb.Point // on the street, near its middle
}

// entry is a way to find a street: its folded name from one of its words on.
type entry struct {
	folded string
	whole  bool // from the first word on
	found  Found
}

// Search returns at most limit streets, each name once, of which a word begins as the query does, without regard to case, accents, spaces and
// signs; those whose name itself begins so come first. Where none does, it looks for less of the query: an address has a number and a town too.
func (n *Network) Search(query string, limit int) []Found {
	for _, less := range addresses(query) {
		if found := n.beginning(folded(less), limit); len(found) > 0 {
			return found
		}
	}
	return nil
}

// leastLetters is how short what is left of an address may be.
const leastLetters = 4

// addresses returns what may be a street's name in a query, the likeliest first: all of it, what stands before a comma, and that without its last
// words, or without a number before it.
func addresses(query string) []string {
	list := []string{query}
	street, _, _ := strings.Cut(query, ",")
	words := strings.Fields(street)
	if len(words) > 1 && strings.ContainsAny(words[0], "0123456789") { // 12 Main Street
		list = append(list, strings.Join(words[1:], " "))
	}
	for n := len(words); n > 0; n-- {
		if rest := strings.Join(words[:n], " "); rest != query && utf8.RuneCountInString(rest) >= leastLetters {
			list = append(list, rest)
		}
	}
	return list
}

// beginning returns at most limit streets of which a word begins with what is folded.
func (n *Network) beginning(prefix string, limit int) []Found {
	if prefix == "" || limit <= 0 {
		return nil
	}
	first, _ := slices.BinarySearchFunc(n.names, prefix, func(e entry, prefix string) int { return strings.Compare(e.folded, prefix) })
	var whole, later []Found
	seen := map[string]bool{}
	hits := n.names[first:]
	for i, e := range hits {
		if !strings.HasPrefix(e.folded, prefix) {
			hits = hits[:i]
			break
		}
		if e.whole && !seen[e.found.Name] {
			seen[e.found.Name] = true
			whole = append(whole, e.found)
		}
	}
	for _, e := range hits {
		if !seen[e.found.Name] {
			seen[e.found.Name] = true
			later = append(later, e.found)
		}
	}
	whole = append(whole, later...)
	return whole[:min(limit, len(whole))]
}

// namesOf makes the entries of all named streets, sorted. A name that several ways have stands on the
// longest of them.
func namesOf(streets []Street) []entry {
	type best struct {
		street *Street
		length float64
	}
	longest := map[string]best{}
	for i := range streets {
		street := &streets[i]
		if street.Name == "" || len(street.Line) < 2 {
			continue
		}
		length := 0.0
		for j := range len(street.Line) - 1 {
			length += Distance(street.Line[j], street.Line[j+1])
		}
		if length > longest[street.Name].length {
			longest[street.Name] = best{street, length}
		}
	}
	var entries []entry
	for name, b := range longest {
		found := Found{Name: name, Point: middle(b.street.Line, b.length)}
		for _, one := range Names(name) {
			for i, rest := range suffixes(one) {
				entries = append(entries, entry{folded: folded(rest), whole: i == 0, found: found})
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.folded, b.folded), cmp.Compare(len(a.found.Name), len(b.found.Name)), strings.Compare(a.found.Name, b.found.Name))
	})
	return entries
}

// suffixes returns the name from each of its words on.
func suffixes(name string) []string {
	list := []string{name}
	word := true
	for i, r := range name {
		letter := unicode.IsLetter(r) || unicode.IsNumber(r)
		if letter && !word && i > 0 {
			list = append(list, name[i:])
		}
		word = letter
	}
	return list
}

// middle returns the point halfway along a line of the given length.
func middle(line orb.LineString, length float64) orb.Point {
	left := length / 2
	for i := range len(line) - 1 {
		step := Distance(line[i], line[i+1])
		if step >= left && step > 0 {
			return between(line[i], line[i+1], left/step)
		}
		left -= step
	}
	return line[len(line)-1]
}

// folded returns the letters and figures of the text without case and accents, and without what is written for them: Göttweiger Gasse,
// GOETTWEIGERGASSE and göttweiger-gasse are one, and Dinstlstr. is how Dinstlstraße begins.
func folded(text string) string {
	plain := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			return -1
		}
		return r
	}, norm.NFD.String(text))
	return written.Replace(cases.Fold().String(plain))
}

// written are letters as they are written where a keyboard has them not. What begins another text does so folded as well.
var written = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "æ", "a", "ø", "o", "œ", "o")
