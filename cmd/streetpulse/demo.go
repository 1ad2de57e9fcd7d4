package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/paulmach/orb"

	"github.com/streetpulse/streetpulse/access"
	"github.com/streetpulse/streetpulse/dispatch"
	firmwaresim "github.com/streetpulse/streetpulse/firmware-sim"
)

const (
	demoCity = firmwaresim.TownName
	demoDays = 13 // how far back the demonstration town begins: older events would be refused
	demoSeed = 1

	demoPromiseDays = 7

	// demoSpeedup lets the 13 days pass in about 40 s, so that there is something to watch.
	demoSpeedup = 28_000
)

// importDemoStreets imports the demonstration town's streets where there are none.
func importDemoStreets(ctx context.Context, pool *pgxpool.Pool) error {
	var have bool
	if err := pool.QueryRow(ctx, `select exists (select 1 from streets)`).Scan(&have); err != nil || have {
		return err
	}
	m, err := firmwaresim.TownStreets(ctx)
	if err != nil {
		return err
	}
	return m.Save(ctx, pool)
}

// demonstrate drives the demonstration town: from 13 days ago, or from where an earlier run left off, until now and on. Its
// crew mends what was ordered a few days before, in the simulated world as well.
func (p *parts) demonstrate(ctx context.Context) error {
	streets, err := firmwaresim.TownStreets(ctx)
	if err != nil {
		return err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	begin := today.AddDate(0, 0, -demoDays)
	options := firmwaresim.Town(demoSeed, streets, begin)
	options.Days = demoDays + 365
	if last := p.clock.Now(); last.After(begin) {
		options.Begin = last.Truncate(24 * time.Hour)
		options.Seed += uint64(options.Begin.Unix()) // other trips than those already driven
	}
	city, err := firmwaresim.NewCity(options)
	if err != nil {
		return err
	}
	fleet := firmwaresim.Fleet{
		City: city, Server: "http://" + p.http.Addr().String(), Broker: "tcp://" + p.broker.TCPAddr().String(), Log: p.log, Speedup: demoSpeedup,
		Morning: func(ctx context.Context, day time.Time) error { return p.mend(ctx, city, day) },
	}
	p.log.Info("the demonstration town drives", "from", options.Begin.Format(time.DateOnly), "city", p.c.City)
	if err := fleet.Drive(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("drive the demonstration town: %w", err)
	}
	return nil
}

// mend is the demonstration town's works department: each morning it takes every order one step on, so that all states are
// seen. Those whose numbers end in 3, 6 or 9 it leaves to whoever opens the console, and what its first crew was given of late to whoever opens
// the crew's page.
func (p *parts) mend(ctx context.Context, city *firmwaresim.City, day time.Time) error {
	next := map[dispatch.State]dispatch.Step{
		dispatch.New:        {State: dispatch.Accepted, Actor: dispatch.Dispatcher},
		dispatch.Accepted:   {State: dispatch.Assigned, Actor: dispatch.Dispatcher},
		dispatch.Assigned:   {State: dispatch.InProgress, Actor: dispatch.Crew},
		dispatch.InProgress: {State: dispatch.Repaired, Actor: dispatch.Crew},
		dispatch.Reopened:   {State: dispatch.Assigned, Actor: dispatch.Dispatcher},
	}
	desk := dispatch.Desk{Pool: p.db.Pool, Office: p.c.office(p.network)}
	crews, err := demoCrews(ctx, p.db.Pool)
	if err != nil {
		return err
	}
	orders, err := dispatch.Orders(ctx, p.db.Pool, dispatch.Filter{})
	if err != nil {
		return err
	}
	for i, o := range orders {
		step, ok := next[o.State]
		if !ok || strings.ContainsAny(o.Number[len(o.Number)-1:], "369") || leftToCrew(o) {
			continue
		}
		step.At = day.Add(6 * time.Hour)
		if step.At.Before(o.StateAt) || step.At.After(time.Now()) {
			continue
		}
		if step.State == dispatch.Repaired && !city.Repair(o.Lat, o.Lon, step.At) {
			step.State = dispatch.Dismissed
		}
		by := dispatch.By{Actor: step.Actor, At: step.At}
		switch step.State {
		case dispatch.Assigned:
			_, err = desk.Act(ctx, o.ID, by, dispatch.Assign{Crew: crews[i%len(crews)].ID})
		case dispatch.Dismissed:
			_, err = desk.Act(ctx, o.ID, by, dispatch.Dismiss{Verdict: dispatch.NotFound})
		default:
			err = dispatch.Transition(ctx, p.db.Pool, o.ID, step)
		}
		if err != nil && !errors.Is(err, dispatch.ErrTransition) {
			return err
		}
	}
	return nil
}

// demoYard is where the demonstration town's crews set out from: Bertschingerstraße, between the station and the Danube.
func demoYard() *orb.Point { return &orb.Point{15.6068, 48.4061} }

// leftToCrew says whether the town leaves an order that is assigned to its first crew to whoever opens the crew's page.
func leftToCrew(o dispatch.Order) bool {
	return o.Crew == "crew-1" && o.State == dispatch.Assigned && time.Since(o.StateAt) < 9*24*time.Hour
}

// demoCrews are the demonstration town's two crews, made where there are none; the town then keeps its own time as well.
func demoCrews(ctx context.Context, pool *pgxpool.Pool) ([]dispatch.Team, error) {
	crews, err := dispatch.Crews(ctx, pool, false)
	if err != nil || len(crews) > 0 {
		return crews, err
	}
	var members []string // whoever logs in as the demonstration's crew is in the first
	if p, err := access.FindEmail(ctx, pool, demoEmail(access.Crew)); err == nil {
		members = append(members, p.ID)
	} else if !errors.Is(err, access.ErrNobody) {
		return nil, err
	}
	for _, c := range []dispatch.Team{{ID: "crew-1", Name: "Crew 1", Members: members, Yard: demoYard()}, {ID: "crew-2", Name: "Crew 2", Yard: demoYard()}} {
		if _, err := dispatch.SaveCrew(ctx, pool, c); err != nil {
			return nil, err
		}
	}
	works, err := dispatch.LoadWorks(ctx, pool)
	if err != nil {
		return nil, err
	}
	if works.Calendar.Zone, err = time.LoadLocation("Europe/Vienna"); err != nil {
		return nil, err
	}
	if err := works.Save(ctx, pool); err != nil {
		return nil, err
	}
	return dispatch.Crews(ctx, pool, false)
}
