package web

import (
	"context"
	"sync"
	"time"

	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
)

// laidDown is what administrators have set, as this process knows it. It is read again when a change is announced, and every few seconds
// where none can be heard.
type laidDown struct {
	mu     sync.Mutex
	known  bool
	turn   int // changes heard of so far
	read   time.Time
	values city.Settings
	look   city.Look
}

// settingsFor is how old they may be where changes are not heard of, and how long reading them may take.
const (
	settingsFor  = 5 * time.Second
	settingsWait = 2 * time.Second
)

// settingsChanged says that what is known is no longer right, nor what was made of it.
func (s *Server) settingsChanged() {
	s.laid.mu.Lock()
	s.laid.known = false
	s.laid.turn++
	s.laid.mu.Unlock()
	s.gathered.changed("")
	s.figures.mu.Lock()
	s.figures.by = nil
	s.figures.mu.Unlock()
}

// set returns what administrators have set.
func (s *Server) set() city.Settings {
	set, _ := s.both()
	return set
}

// look is how the city's pages look.
func (s *Server) look() city.Look {
	_, look := s.both()
	return look
}

// both returns what administrators have set. Where the database does not answer it is what was known last, or nothing: then the flags
// count, as they did before.
func (s *Server) both() (city.Settings, city.Look) {
	s.laid.mu.Lock()
	values, look, turn := s.laid.values, s.laid.look, s.laid.turn
	fresh := s.laid.known && (s.hub.listening.Load() || time.Since(s.laid.read) < settingsFor)
	s.laid.mu.Unlock()
	if fresh {
		return values, look
	}
	ctx, done := context.WithTimeout(context.Background(), settingsWait)
	defer done()
	now, err := city.Load(ctx, s.config.Pool)
	seen := look
	if err == nil {
		seen, err = city.LoadLook(ctx, s.config.Pool)
	}
	if err != nil {
		s.config.Log.Warn("the city's settings cannot be read; those known last count", "error", err)
		now, seen = values, look
	}
	s.laid.mu.Lock()
	defer s.laid.mu.Unlock()
	s.laid.values, s.laid.look, s.laid.read, s.laid.known = now, seen, time.Now(), s.laid.turn == turn && err == nil
	return now, seen
}

// city is its name: as set, else as the server was started.
func (s *Server) city() string { return setOr(s.set().Name, s.config.City) }

func (s *Server) promiseDays() float64 { return setOr(s.set().PromiseDays, s.config.PromiseDays) }

func (s *Server) suspected() crowd.Visibility {
	return crowd.Visibility(setOr(s.set().Suspected, string(s.config.Suspected)))
}

// rules are those that places are judged by.
func (s *Server) rules() crowd.Rules { return s.rulesOf(s.set()) }

func (s *Server) rulesOf(set city.Settings) crowd.Rules {
	return s.config.Rules.With(set.FalseOrderCost, set.MissedDayCost, set.OrderClasses)
}

// setOr is what is set, or else what there is.
func setOr[T any](set *T, otherwise T) T {
	if set != nil {
		return *set
	}
	return otherwise
}
