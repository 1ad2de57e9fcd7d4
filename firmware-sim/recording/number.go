package recording

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number reads a decimal number with a point or a comma. Nothing at all is NaN, as is a written NaN. What could mean two things, such as
// 1.234,5, is an error.
func number(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return math.NaN(), nil
	}
	plain := text
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		plain = strings.Replace(text, ",", ".", 1)
	}
	x, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsInf(x, 0) || strings.ContainsAny(plain, "xX_") {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return x, nil
}

// clock reads the time of day as Physics Toolbox writes it, 23:21:29:228, in seconds; ok is false where it is something else.
func clock(text string) (seconds float64, ok bool) {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) < 3 || len(parts) > 4 {
		return 0, false
	}
	if len(parts) == 4 {
		parts[2] += "." + parts[3]
	}
	var n [3]float64
	for i := range n {
		p := parts[i]
		if p == "" || strings.Trim(p, "0123456789.") != "" {
			return 0, false
		}
		x, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, false
		}
		n[i] = x
	}
	if n[0] >= 24 || n[1] >= 60 || n[2] >= 61 || n[0] != math.Trunc(n[0]) || n[1] != math.Trunc(n[1]) {
		return 0, false
	}
	return n[0]*3600 + n[1]*60 + n[2], true
}
