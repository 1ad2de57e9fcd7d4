package crowd_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/streetpulse/streetpulse/crowd"
	"github.com/streetpulse/streetpulse/postgres/postgrestest"
)

func cast(pool *pgxpool.Pool, b crowd.Ballot) error {
	return pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error { return crowd.Cast(context.Background(), tx, b) })
}

// voters casts n votes of different people in different houses.
func voters(t *testing.T, pool *pgxpool.Pool, place string, v crowd.Vote, n int, at time.Time) {
	t.Helper()
	for i := range n {
		b := crowd.Ballot{Place: place, Vote: v, Voter: fmt.Appendf(nil, "%s %d", place, i), House: fmt.Appendf(nil, "house %d", i), At: at}
		if err := cast(pool, b); err != nil {
			t.Fatal(err)
		}
	}
}

// A thousand votes do not move a place; nor do they make up for a device that is missing.
func TestVotesAloneNeverPromote(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	confirmed := 0
	config := crowd.Config{Confirmed: func(context.Context, pgx.Tx, crowd.Confirmation) error { confirmed++; return nil }}
	w.jolt("car1", 0, 1.5)
	w.jolt("car2", 0, 1.5)
	w.jolt("lonely", 500, 1.5)
	w.judge(config)
	places := w.places()
	if len(places) != 2 {
		t.Fatalf("%d places", len(places))
	}
	for _, before := range places {
		voters(t, w.pool, before.ID, crowd.Known, 1000, w.at)
		after, err := crowd.FindPlace(ctx, w.pool, before.ID)
		if err != nil {
			t.Fatal(err)
		}
		odds := func(p crowd.Place) float64 { n := p.Belief.Of(crowd.Nothing); return (1 - n) / n }
		if rise := odds(after) / odds(before); rise < 1.9 || rise > 2.001 {
			t.Errorf("a thousand votes make something %.3f times likelier, want at most twice", rise)
		}
		if after.State != crowd.Suspected || after.Devices != before.Devices {
			t.Errorf("after votes it is %s by %d devices", after.State, after.Devices)
		}
	}
	for range 20 { // the same devices again
		w.jolt("car1", 0, 1.5)
		w.jolt("lonely", 500, 1.5)
	}
	w.judge(config)
	if confirmed != 0 {
		t.Errorf("%d places of one and two devices were confirmed by votes", confirmed)
	}
}

// Who has voted on two places has voted on the one that they turn out to be.
func TestVotesOnPlacesThatJoin(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for car, metres := range map[string]float64{"car1": 0, "car2": 0, "car3": 28, "car4": 28} {
		w.jolt(car, metres, 1.5)
	}
	w.judge(crowd.Config{})
	if n := len(w.places()); n != 2 {
		t.Fatalf("%d places", n)
	}
	for i, voter := range []string{"anna", "ben"} { // one of them on the place that goes
		if err := cast(w.pool, crowd.Ballot{Place: w.places()[i].ID, Vote: crowd.Known, Voter: []byte(voter), House: []byte(voter), At: w.at}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		w.jolt(fmt.Sprint("near", i), 12, 1.5)
		w.jolt(fmt.Sprint("far", i), 16, 1.5)
	}
	w.judge(crowd.Config{})
	places := w.places()
	if len(places) != 1 {
		t.Fatalf("%d places", len(places))
	}
	for _, step := range []struct {
		v     crowd.Vote
		voter string
		poll  crowd.Poll
	}{
		{crowd.Known, "anna", crowd.Poll{Known: 2}},
		{crowd.Known, "ben", crowd.Poll{Known: 2}},
		{crowd.Absent, "anna", crowd.Poll{Known: 1, Absent: 1}},
		{crowd.Absent, "ben", crowd.Poll{Absent: 2}},
		{crowd.Known, "cem", crowd.Poll{Known: 1, Absent: 2}},
	} {
		if err := cast(w.pool, crowd.Ballot{Place: places[0].ID, Vote: step.v, Voter: []byte(step.voter), House: []byte(step.voter), At: w.at}); err != nil {
			t.Fatal(err)
		}
		if p, mine, err := crowd.PollOf(t.Context(), w.pool, places[0].ID, []byte(step.voter)); err != nil || p != step.poll || mine != step.v {
			t.Errorf("%s says %s: %+v and %q, want %+v: %v", step.voter, step.v, p, mine, step.poll, err)
		}
	}
}

func TestWhoMayVoteHowOften(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newTown(t)
	w.jolt("car1", 0, 1.5)
	w.jolt("car2", 0, 1.5)
	w.judge(crowd.Config{})
	place := w.places()[0].ID
	at := w.at
	vote := func(v crowd.Vote, voter, house string) error {
		return cast(w.pool, crowd.Ballot{Place: place, Vote: v, Voter: []byte(voter), House: []byte(house), At: at})
	}
	poll := func(voter string) (crowd.Poll, crowd.Vote) {
		t.Helper()
		p, mine, err := crowd.PollOf(ctx, w.pool, place, []byte(voter))
		if err != nil {
			t.Fatal(err)
		}
		return p, mine
	}
	for i, step := range []struct {
		v            crowd.Vote
		voter, house string
		err          error
		poll         crowd.Poll
	}{
		{crowd.Known, "anna", "home", nil, crowd.Poll{Known: 1}},
		{crowd.Known, "anna", "home", nil, crowd.Poll{Known: 1}}, // the same again
		{crowd.Absent, "anna", "home", nil, crowd.Poll{Absent: 1}},
		{crowd.Mended, "anna", "home", nil, crowd.Poll{Repaired: 1}},
		{crowd.Known, "anna", "home", crowd.ErrVoted, crowd.Poll{Repaired: 1}},
		{crowd.Known, "ben", "home", nil, crowd.Poll{Known: 1, Repaired: 1}},
		{crowd.Known, "cem", "home", nil, crowd.Poll{Known: 2, Repaired: 1}},
		{crowd.Known, "dora", "home", crowd.ErrHouseFull, crowd.Poll{Known: 2, Repaired: 1}},
		{crowd.Known, "dora", "elsewhere", nil, crowd.Poll{Known: 3, Repaired: 1}},
		{"nonsense", "eva", "there", crowd.ErrVote, crowd.Poll{Known: 3, Repaired: 1}},
	} {
		if err := vote(step.v, step.voter, step.house); !errors.Is(err, step.err) {
			t.Errorf("step %d: %v, want %v", i, err, step.err)
		}
		if got, _ := poll(step.voter); got != step.poll {
			t.Errorf("step %d: %+v, want %+v", i, got, step.poll)
		}
	}
	at = at.Add(25 * time.Hour)
	if err := vote(crowd.Known, "anna", "home"); err != nil {
		t.Errorf("a day later: %v", err)
	}
	if _, mine := poll("anna"); mine != crowd.Known {
		t.Errorf("anna says %q", mine)
	}
	if err := cast(w.pool, crowd.Ballot{Place: "nowhere", Vote: crowd.Known, At: at}); !errors.Is(err, crowd.ErrNotFound) {
		t.Error(err)
	}
	err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error { return crowd.ForgetVoters(ctx, tx, at.Add(time.Hour)) })
	if err != nil {
		t.Fatal(err)
	}
	if got, mine := poll("anna"); got.Known != 4 || mine != "" {
		t.Errorf("forgotten voters: %+v, anna's is %q", got, mine)
	}
}

// What votes and reports did comes out again where everything is judged anew, across epochs, repairs and places that become one.
func TestVotesAreRebuilt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pool := postgrestest.New(t)
	end := scatter(t, pool, 4000)
	engine, err := crowd.NewEngine(pool, crowd.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for at := end.Add(-50 * time.Hour); !at.After(end); at = at.Add(5 * time.Hour) {
		if _, err := engine.Judge(ctx, at); err != nil {
			t.Fatal(err)
		}
		rows, err := pool.Query(ctx, `select id from places where devices >= 2 order by md5(id || $1::text) limit 6`, at)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			voters(t, pool, id, crowd.Votes()[i%3], 1+i, at)
			cases++
		}
		for i, id := range ids[:3] {
			p, err := crowd.FindPlace(ctx, pool, id)
			if err != nil {
				t.Fatal(err)
			}
			report := crowd.Report{ID: fmt.Sprint(id, at.Unix()), Class: crowd.Classes()[i], Lat: p.Lat + 6*metre, Lon: p.Lon, At: at}
			if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return crowd.TakeReport(ctx, tx, report) }); err != nil {
				t.Fatal(err)
			}
		}
		if len(ids) > 5 {
			if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return crowd.MarkRepaired(ctx, tx, ids[5], crowd.Pothole, at) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := engine.Judge(ctx, end); err != nil || cases < 20 {
		t.Fatal(cases, err)
	}
	for _, replace := range []bool{false, true, false} {
		out, err := crowd.Rebuild(ctx, pool, crowd.Rules{}, replace, nil)
		if err != nil || out.Different != 0 {
			t.Fatalf("%+v %v", out, err)
		}
	}
}
