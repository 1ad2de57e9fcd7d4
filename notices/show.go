package notices

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// shown writes mails to the log instead of sending them, for a demonstration: whom each is for, what about, and the links in it.
type shown struct{ log *slog.Logger }

func (s shown) send(_ context.Context, id int64, _ time.Time, letter Mail) error {
	s.log.Info("a mail, which nobody sends", "mail", id, "to", letter.To, "subject", letter.Subject, "links", strings.Join(linksIn(letter.Body), " "))
	return nil
}

// linksIn returns the addresses in a text, as they stand there, each once.
func linksIn(text string) []string {
	var list []string
	known := map[string]bool{}
	for _, link := range regexp.MustCompile(`https?://\S+`).FindAllString(text, -1) {
		link = strings.TrimRight(link, ".,;:!?)>\"'")
		if !known[link] {
			known[link] = true
			list = append(list, link)
		}
	}
	return list
}
