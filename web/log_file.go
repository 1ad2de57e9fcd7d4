package web

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/streetpulse/streetpulse/access"
)

// logChunk is how many lines of the log are read at a time for a file: a long one does not have to lie in memory.
const logChunk = 1000

// logFile serves /admin/log/log.csv and log.xlsx: every line of a search of the audit log, the newest first.
func (s *face) logFile(w http.ResponseWriter, r *http.Request) error {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	out := exported{Name: "log", Columns: []string{"n", "at", "by", "by_id", "action", "what", "what_id", "detail"}}
	if name != out.Name || !out.may(format) {
		return errHidden
	}
	asked := askedLog(r.URL.Query())
	asked.before = ""
	search, err := s.searchLog(r.Context(), asked)
	if err != nil {
		return err
	}
	n, err := access.CountLog(r.Context(), s.config.Pool, search)
	if err != nil {
		return err
	}
	if n > mostExported {
		return badRequest(s.texts.T("log.many", "most", mostExported))
	}
	out.Rows = s.logRows(r.Context(), search)
	return s.serveFile(w, r, out, format)
}

// logRows reads a search of the log, chunk by chunk.
func (s *face) logRows(ctx context.Context, search access.Search) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		search.Limit = logChunk
		for left := mostExported; left > 0; left -= logChunk {
			lines, err := s.readLog(ctx, search)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, l := range lines {
				if !yield([]any{l.N, exportedTime(l.At), l.Who, l.Person, l.Action, l.Whom, l.What, l.Detail}, nil) {
					return
				}
				search.Before = l.N
			}
			if len(lines) < logChunk {
				return
			}
		}
	}
}
