package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestEvaluateSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--seed", "3-1"}, exitUsage, `the range "3-1" ends before it begins`},
		{[]string{"--seed", "1,two"}, exitUsage, `"two" is neither a number nor a range`},
		{[]string{"--seed", "1", "--pipeline", "--markdown", page}, exitFailed, "leave out --pipeline"},
		{[]string{"--seed", "1", "--simulator", "elsewhere", "--pipeline"}, exitFailed, "in memory only"},
	} {
		var out, errs bytes.Buffer
		code := run(context.Background(), append([]string{"evaluate"}, x.args...), output{out: &out, err: &errs, in: strings.NewReader("")})
		if code != x.code || !strings.Contains(out.String()+errs.String(), x.says) {
			t.Errorf("evaluate %v: exit code %d, want %d; it says %q", x.args, code, x.code, out.String()+errs.String())
		}
	}
}
