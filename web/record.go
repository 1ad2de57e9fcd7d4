package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// record is all that the public may know of a place, or of an order that has none.
type record struct {
	sight
	Steps      []crowd.Step
	OrderSteps []dispatch.Step
	Why        crowd.Explanation
	Grounds    *crowd.Explanation // why it was believed when its order was written; nil: no order, or not on record
	Poll       crowd.Poll
	Days       []crowd.Day
	Replies    []dispatch.PublicReply
	Parts      []dispatch.Part // orders that were split off
}

// record returns a place with its story and reasons, or errHidden.
func (s *Server) record(ctx context.Context, id string) (record, error) {
	found, err := s.findPlace(ctx, id)
	if err != nil {
		return record{}, err
	}
	return s.recordOf(ctx, found)
}

// recordOf returns the story of what was found and, of a place, the reasons.
func (s *Server) recordOf(ctx context.Context, found sight) (out record, err error) {
	out.sight = found
	if found.Placeless() {
		return out, s.recordOrder(ctx, &out)
	}
	id := found.ID
	if out.Steps, err = crowd.Story(ctx, s.config.Pool, id); err != nil {
		return record{}, fmt.Errorf("story of place %s: %w", id, err)
	}
	if out.Why, err = s.explainer.By(s.rules()).Explain(ctx, id); err != nil {
		return record{}, fmt.Errorf("reasons of place %s: %w", id, err)
	}
	if out.Poll, _, err = crowd.PollOf(ctx, s.config.Pool, id, nil); err != nil {
		return record{}, err
	}
	if out.Verdict, err = dispatch.ReviewVerdict(ctx, s.config.Pool, id); err != nil {
		return record{}, err
	}
	if out.Days, err = crowd.Days(ctx, s.config.Pool, id); err != nil {
		return record{}, fmt.Errorf("days of place %s: %w", id, err)
	}
	if found.Order == nil {
		return out, nil
	}
	if err := s.recordOrder(ctx, &out); err != nil {
		return record{}, err
	}
	grounds, err := dispatch.Grounds(ctx, s.config.Pool, found.Order.ID)
	if err != nil && !errors.Is(err, dispatch.ErrNotFound) {
		return record{}, err
	}
	if err == nil {
		out.Grounds = &grounds
	}
	return out, nil
}

// recordOrder reads the story of the order.
func (s *Server) recordOrder(ctx context.Context, out *record) (err error) {
	id := out.Order.ID
	_, out.OrderSteps, err = dispatch.FindOrder(ctx, s.config.Pool, id)
	if err != nil && !errors.Is(err, dispatch.ErrNotFound) {
		return fmt.Errorf("steps of order %s: %w", id, err)
	}
	if out.Replies, err = dispatch.Replies(ctx, s.config.Pool, id); err != nil {
		return err
	}
	out.Parts, err = dispatch.Parts(ctx, s.config.Pool, id)
	return err
}

// area returns the outline of the cell that a coarse place is known to lie in, nil for others.
func area(p sight) orb.Ring {
	if !p.Coarse {
		return nil
	}
	return outline(p.Cell)
}

// outline returns the border of an H3 cell as a closed ring, nil where the cell is invalid.
func outline(c geo.Cell) orb.Ring {
	border, err := c.Boundary()
	if err != nil || len(border) == 0 {
		return nil
	}
	ring := make(orb.Ring, 0, len(border)+1)
	for _, p := range border {
		ring = append(ring, orb.Point{p.Lng, p.Lat})
	}
	return append(ring, ring[0])
}

func areaText(p sight) string {
	var b strings.Builder
	for i, q := range area(p) {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%.6f,%.6f", q[0], q[1])
	}
	return b.String()
}

// away says whether an error means that the database cannot be reached.
func away(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return strings.HasPrefix(answer.Code, "57P") || strings.HasPrefix(answer.Code, "08") || answer.Code == "53300"
	}
	return errors.As(err, &connect) || errors.As(err, &network)
}
