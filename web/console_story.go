package web

import (
	"context"
	"strings"

	"github.com/streetpulse/streetpulse/dispatch"
)

// fillStory tells everything that was done to an order, the newest first, with who did it.
func (s *face) fillStory(ctx context.Context, out *detail, d consoleDesk) error {
	record, err := dispatch.Record(ctx, s.config.Pool, out.Order.ID)
	if err != nil {
		return err
	}
	people, err := s.namesOf(ctx, record)
	if err != nil {
		return err
	}
	var cents int64
	for i := len(record) - 1; i >= 0; i-- {
		a := record[i]
		step := acted{At: s.moment(a.At, d), Text: s.actedWords(a, people), Reason: s.reason(a.Reason, a.Actor), Undone: a.Undone}
		if a.Words.Said != nil {
			step.Text += " " + s.texts.T("console.told", "at", s.moment(*a.Words.Said, d))
		}
		if (a.Kind == dispatch.DidNote || a.Kind == dispatch.DidReply) && !a.Undone {
			out.Notes = append(out.Notes, step)
		}
		if a.Kind == dispatch.DidSpend && !a.Undone {
			cents += a.Words.Cents
		}
		out.Story = append(out.Story, step)
	}
	if cents > 0 {
		out.Spent = s.texts.Decimal(float64(cents)/100, 2)
	}
	return nil
}

// actedWords is a step in words: "B. Aigner assigned it to Crew 2".
func (s *face) actedWords(a dispatch.Acted, people map[string]string) string {
	t := s.texts
	who := people[a.Person]
	if who == "" {
		who = t.T("console.actor." + string(a.Actor))
	}
	key := "console.did." + string(a.Kind)
	switch {
	case a.Kind == dispatch.DidDismiss && a.Words.Verdict != "":
		key += "." + string(a.Words.Verdict)
	case a.Kind == dispatch.DidHandOver && a.Words.Told:
		key += ".told"
	case a.Kind == dispatch.DidEscalate && a.Words.Body != "":
		key += ".to"
	case a.Kind == dispatch.DidPromote && a.Words.Order != "":
		key += ".split"
	}
	class := func(c string) string {
		if c == "" {
			return ""
		}
		return t.T("class." + c)
	}
	undoes := ""
	if a.Words.Undoes != "" {
		undoes = t.T("console.undoes." + string(a.Words.Undoes))
	}
	spent := strings.TrimSpace(t.Decimal(a.Words.Quantity, 1) + " " + a.Words.Unit)
	return t.T(key, "who", who, "crew", a.Words.Crew, "body", a.Words.Body, "class", class(string(a.Words.Class)), "was", class(string(a.Words.Was)),
		"number", a.Words.Number, "metres", int(a.Words.Metres), "what", a.Words.What, "quantity", spent, "cost", t.Decimal(float64(a.Words.Cents)/100, 2), "undoes", undoes)
}

// changedWords says kindly who has changed an order meanwhile: "Someone else changed KR-0421: B. Aigner assigned it at 14:32."
func (s *face) changedWords(ctx context.Context, c *dispatch.Changed, d consoleDesk) string {
	people, err := s.namesOf(ctx, []dispatch.Acted{{Person: c.Person}})
	if err != nil {
		s.config.Log.Warn("who changed an order could not be read", "order", c.Number, "error", err)
	}
	who := people[c.Person]
	if who == "" {
		who = s.texts.T("console.actor." + string(c.Actor))
	}
	return s.texts.T("console.changed", "number", c.Number, "who", who, "did", s.texts.T("console.undoes."+string(c.Kind)), "at", s.moment(c.At, d))
}
