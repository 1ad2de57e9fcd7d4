package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
)

// chapter is one step of a place's story as the public reads it: dated by day, never by time.
type chapter struct {
	ID     string    // of the order that it tells of alone; empty: it is of the place and its order
	At     time.Time // zero: it has not happened yet
	Symbol string    // "jolt", or a mark
	Head   string
	Text   string
	Link   nudge // to what it speaks of; empty: nowhere
	Now    bool  // the last that has happened, where more is to come
	Todo   bool
}

// tell merges the steps of a place and of its order into one story, and ends it with what is still to come.
func (s *face) tell(p sight, steps []crowd.Step, orders []dispatch.Step) []chapter {
	var out []chapter
	for _, st := range steps {
		if st.Kind != crowd.StepDismissed || !dismissedAt(orders, st.At) { // the order says it, and why
			out = append(out, s.placeChapter(p, st))
		}
	}
	for _, st := range orders {
		out = append(out, s.orderChapter(p, st))
	}
	slices.SortStableFunc(out, func(a, b chapter) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	todo := s.todo(p)
	if len(todo) > 0 && len(out) > 0 {
		out[len(out)-1].Now = true
	}
	return append(out, todo...)
}

// dismissedAt says whether an order was dismissed at a time.
func dismissedAt(orders []dispatch.Step, at time.Time) bool {
	return slices.ContainsFunc(orders, func(o dispatch.Step) bool { return o.State == dispatch.Dismissed && o.At.Equal(at) })
}

// withReplies puts what the city has said to everybody into a story, each after what had happened by then.
func (s *face) withReplies(story []chapter, replies []dispatch.PublicReply) []chapter {
	for _, r := range replies {
		story = with(story, chapter{At: r.At, Symbol: "person", Head: s.texts.T("story.reply"), Text: r.Text})
	}
	return story
}

// withParts puts into a story that another order was split off.
func (s *face) withParts(story []chapter, parts []dispatch.Part) []chapter {
	for _, p := range parts {
		m := markOf("", p.State)
		stands := s.texts.T("story.part.stands", "state", s.stateWords(dispatch.Order{State: p.State}), "day", s.texts.Day(p.StateAt, s.config.Now()))
		story = with(story, chapter{ID: p.ID, At: p.At, Symbol: string(m), Head: s.texts.T("story.part"), Text: s.texts.T("story.part.text", "number", p.Number) + " " + stands,
			Link: nudge{"/orders/" + p.ID, s.texts.T("story.part.see", "number", p.Number)}})
	}
	return story
}

// with puts a chapter into a story, after what had happened by then.
func with(story []chapter, c chapter) []chapter {
	i := 0
	for i < len(story) && !story[i].Todo && !story[i].At.After(c.At) {
		i++
	}
	return slices.Insert(story, i, c)
}

func (s *face) placeChapter(p sight, st crowd.Step) chapter {
	t, w := s.texts, st.Words
	class := t.T("class.a." + string(w.Class))
	if w.Class == "" {
		class = t.T("class.a." + string(p.Class))
	}
	key := "step." + string(st.Kind)
	c := chapter{At: st.At, Head: t.T(key, "class", class), Text: t.T(key+".text", "class", class)}
	switch st.Kind {
	case crowd.StepFirstJolt:
		c.Symbol = "jolt"
		if d := s.direction(p.HeadingDeg); d != "" {
			c.Text = t.T(key+".text.direction", "direction", d)
		}
	case crowd.StepConfirmed:
		c.Symbol = string(markConfirmed)
		form := ".text"
		if w.Passes == 0 {
			form = ".text.all"
		}
		c.Text = t.T(key+form, "Devices", capital(t.Word(w.Devices)), "passes", t.Word(w.Passes),
			"percent", sure(w.Probability))
	case crowd.StepReview:
		c.Symbol = string(markConfirmed)
	case crowd.StepFaded:
		c.Symbol = string(markDismissed)
	case crowd.StepDismissed: // by the verdict, which the class need not be
		c.Symbol = string(markDismissed)
		switch p.Verdict {
		case dispatch.NotFound, dispatch.NotDefect, dispatch.NotOurs:
			c.Text = t.T("reason." + string(p.Verdict))
		case dispatch.Duplicate:
			c.Text = t.T("step.dismissed.duplicate")
		}
	default:
		c.Symbol = string(markSuspected)
	}
	return c
}

func (s *face) orderChapter(p sight, st dispatch.Step) chapter {
	t := s.texts
	key := s.byHand("order."+string(st.State), p)
	c := chapter{At: st.At, Symbol: string(markOf(p.State, st.State)), Text: s.reason(st.Reason, st.Actor)}
	switch st.Actor {
	case dispatch.Crowd:
		if t.Has(key + ".text.crowd") {
			c.Text = t.T(key + ".text.crowd")
		}
	case dispatch.Traffic: // "7 drivers passed and felt nothing.", in the reader's language
		if n, _, ok := strings.Cut(st.Reason, " "); ok && t.Has(key+".text.n") {
			c.Text = t.T(key+".text.n", "n", n)
		}
	case dispatch.Dispatcher, dispatch.Crew, dispatch.Body, dispatch.Clock: // their own words
	}
	if p.Order != nil {
		c.Head = t.T(key, "number", p.Order.Number)
	}
	if c.Text == "" {
		c.Text = t.T(key + ".text")
		if p.Order != nil && p.Order.Body != "" && t.Has(key+".text.body") {
			c.Text = t.T(key+".text.body", "body", p.Order.Body)
		}
	}
	return c
}

// reason returns why a step was taken: in the words of whoever took it or, where they gave none, in the reader's language.
func (s *face) reason(text string, by dispatch.Actor) string {
	name, number := dispatch.Unsaid(text)
	key := "reason." + name
	switch {
	case name == "":
		return text
	case by == dispatch.Crew && s.texts.Has(key+".crew"):
		return s.texts.T(key + ".crew")
	}
	return s.texts.T(key, "number", number)
}

// todo lists what an order has still before it.
func (s *face) todo(p sight) []chapter {
	if p.Order == nil {
		return nil
	}
	ahead := []dispatch.State{dispatch.Accepted, dispatch.InProgress, dispatch.Repaired, dispatch.Verified}
	switch p.Order.State {
	case dispatch.New, dispatch.Reopened:
	case dispatch.Accepted, dispatch.Assigned:
		ahead = ahead[1:]
	case dispatch.InProgress:
		ahead = ahead[2:]
	case dispatch.Repaired:
		ahead = ahead[3:]
	default:
		return nil
	}
	var out []chapter
	for _, state := range ahead {
		key := "todo." + string(state)
		out = append(out, chapter{Todo: true, Symbol: string(markOf(p.State, state)), Head: s.texts.T(key), Text: s.texts.T(s.byHand(key+".text", p))})
	}
	return out
}
