package recording

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number reads a decimal number with a point or a comma. Nothing at all is NaN, as is what programs write for nothing. What could mean two things, such as
// 1.234,5, is an error.
func number(text string) (float64, error) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "", "null", "none", "nil", "na", "n/a", "-":
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
