package web_test

import (
	"strings"
	"testing"
)

// Plates far out, the list and the tiles agree about a class; a class that nobody knows shows everything.
func TestTilesOfOneClass(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.settle()
	_, all := w.get("/tiles/places/12/2225/1416.mvt")
	_, unknown := w.get("/tiles/places/12/2225/1416.mvt?class=dragon'--")
	_, rails := w.get("/tiles/places/12/2225/1416.mvt?class=rail")
	if len(all) == 0 || all != unknown || len(rails) == 0 || len(rails) >= len(all) {
		t.Errorf("tiles of %d bytes, %d for a class nobody knows, %d for rails", len(all), len(unknown), len(rails))
	}
	if _, page := w.get("/?class=dragon"); !strings.Contains(page, "24 places are open") {
		t.Error("a class that nobody knows is no filter")
	}
}
