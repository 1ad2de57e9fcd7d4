package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/city"
	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/dispatch"
	"github.com/streetpulse/streetpulse/geo"
)

// cityFlags say which city this is.
type cityFlags struct {
	City        string `help:"The city's name, as pages show it." placeholder:"NAME"`
	OrderPrefix string `help:"First part of a work order's number; the city's first two letters by default." placeholder:"XY"`
}

// costFlags say what mistakes cost.
type costFlags struct {
	FalseOrderCost float64 `default:"40" help:"What it costs to send a crew where there is no pothole, in any unit."`
	MissedDayCost  float64 `default:"1" help:"What it costs to leave a pothole for a day, in the same unit. Orders are written where to wait would cost more."`
}

func (c costFlags) rules() crowd.Rules {
	return crowd.Rules{FalseOrder: c.FalseOrderCost, MissedDay: c.MissedDayCost}
}

// rulesNow are those that an administrator has set, else those of the flags.
func (c costFlags) rulesNow(ctx context.Context, db city.Querier) (crowd.Rules, error) {
	set, err := city.Load(ctx, db)
	return c.rules().With(set.FalseOrderCost, set.MissedDayCost, set.OrderClasses), err
}

// Validate refuses costs that are none; kong calls it.
func (c costFlags) Validate() error {
	if !(c.FalseOrderCost > 0) || !(c.MissedDayCost > 0) {
		return errors.New("--false-order-cost and --missed-day-cost must be above 0")
	}
	return nil
}

// office makes the office that numbers orders and knows their streets.
func (c cityFlags) office(network *geo.Network) dispatch.Office {
	return dispatch.Office{Prefix: c.prefix(), Street: dispatch.OnStreets(network)}
}

func (c cityFlags) prefix() string {
	if c.OrderPrefix != "" {
		return c.OrderPrefix
	}
	var letters []rune
	for _, r := range strings.ToUpper(c.City) {
		if unicode.IsLetter(r) {
			letters = append(letters, r)
		}
	}
	if len(letters) < 2 {
		return "SP"
	}
	return string(letters[:2])
}

// loadNetwork reads the imported streets; there may be none.
func loadNetwork(ctx context.Context, pool *pgxpool.Pool) (*geo.Network, error) {
	if _, err := geo.PlaceFurniture(ctx, pool); err != nil {
		return nil, err
	}
	m, err := geo.Load(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("load the streets: %w", err)
	}
	return geo.NewNetwork(m), nil
}
