package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func TestADeviceIsErased(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	line := `{"device":"bus-4","id":"1","kind":"bump","time":"2026-03-02T07:31:04.120Z","lat":51.05,"lon":3.72,"accuracy_m":5.2,"speed_mps":11.3,"peak_g":1.2,"duration_s":0.2}` + "\n"
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args      []string
		code      int
		out, errs string
	}{
		{[]string{"replay", file, "--database", url}, 0, "", ""},
		{[]string{"device", "list", "--database", url}, 0, "bus-4", ""},
		{[]string{"device", "erase", "bus-4", "--database", url}, 0, "bus-4 is erased, with 1 events", ""},
		{[]string{"rebuild", "--check", "--database", url}, 0, "0 differ", ""},
		{[]string{"device", "erase", "bus-4", "--database", url}, exitFailed, "", "device list"},
		{[]string{"device", "code", "--fleet", "City buses", "--most", "7", "--database", url}, 0, "code  ", ""},
		{[]string{"device", "codes", "--database", url}, 0, "City buses", ""},
		{[]string{"device", "uncode", "1", "--database", url}, 0, "code 1 is taken back", ""},
		{[]string{"device", "uncode", "1", "--database", url}, exitFailed, "", "device codes"},
	} {
		code, out, errs := told(test.args...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.errs) {
			t.Errorf("%v ends with %d: %s%s", test.args, code, out, errs)
		}
	}
	if _, out, _ := told("device", "list", "--database", url); strings.Contains(out, "bus-4") {
		t.Errorf("it is still listed: %s", out)
	}
}
