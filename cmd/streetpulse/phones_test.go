package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/firmware-sim/detector"
)

func TestPhonesAreSentWhatTheyWouldTake(t *testing.T) {
	t.Parallel()
	standard, err := detectorParameters("")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := detector.Parse(standard); err != nil || p != detector.Standard() {
		t.Errorf("%+v, %v", p, err)
	}
	file := filepath.Join(t.TempDir(), "phone.json")
	for text, good := range map[string]bool{`{"version":1,"least_g":0.3}`: true, `{"version":1,"least_g":9}`: false, `{"least_g":0.3}`: false, `least`: false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sent, err := detectorParameters(file)
		if good && (err != nil || !strings.Contains(string(sent), `"least_g":0.3`)) || !good && !errors.Is(err, detector.ErrParameters) {
			t.Errorf("%s: %s %v", text, sent, err)
		}
	}
	if _, err := detectorParameters(file + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
