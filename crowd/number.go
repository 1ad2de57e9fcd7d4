package crowd

import (
	"math"
	"strconv"
)

// widen turns a stored float32 into the float64 that people would write for it: 11.3, not 11.300000190734863.
func widen(f float32) float64 {
	w, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return float64(f)
	}
	return w
}

func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
