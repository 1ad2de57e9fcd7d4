package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/streetpulse/streetpulse/ingest"
)

const (
	lockClass   = 0x73707262       // of the advisory locks below
	lockWatch   = -1               // the lock of the node that publishes watch lists and the detector's parameters; the others are sessions' numbers
	beat        = 2 * time.Second  // how often the other nodes' sessions are looked at
	emptyAfter  = 10 * time.Second // of silence, the session of a node that died counts as empty
	lookTimeout = 10 * time.Second
)

// node is this process among those that consume from the same broker. Its connection to the database holds the locks: when
// that is lost, others may take the session, so this node begins again.
type node struct {
	consumer *Consumer
	conn     *pgx.Conn
	session  *session
	lists    *ingest.WatchLists // nil while another node publishes

	adopting map[int]bool
	adopted  chan adoption
	helpers  sync.WaitGroup
}

// adoption is what became of the session of a node that died.
type adoption struct {
	number int
	empty  bool
}

// node consumes until something fails or ctx ends.
func (c *Consumer) node(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.options.Pool.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	n := &node{consumer: c, conn: conn, adopting: map[int]bool{}, adopted: make(chan adoption)}
	number, err := n.claim(ctx)
	if err != nil {
		return err
	}
	if n.session, err = c.connect(ctx, number); err != nil {
		return err
	}
	defer n.helpers.Wait()
	defer n.session.close()
	if err := n.session.subscribe(); err != nil {
		return err
	}
	c.options.Log.Info("consuming from the external broker", "broker", c.broker.Redacted(), "session", clientID(number))
	if _, err := conn.Exec(ctx, "listen "+ingest.WatchChannel+"; listen "+ingest.DetectorChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for {
		if err := n.look(ctx); err != nil {
			return err
		}
		if err := n.listen(); err != nil {
			return err
		}
	}
}

// claim takes the lowest number of a session that no living node has.
func (n *node) claim(ctx context.Context) (int, error) {
	for number := 0; ; number++ {
		free, err := n.lock(ctx, number)
		if err != nil {
			return 0, err
		}
		if !free {
			continue
		}
		_, err = n.conn.Exec(ctx, `insert into broker_sessions values ($1, now()) on conflict (number) do update set used_at = now()`, number)
		if err != nil {
			return 0, fmt.Errorf("claim a session: %w", err)
		}
		return number, nil
	}
}

// lock tries to take one of the locks.
func (n *node) lock(ctx context.Context, which int) (free bool, err error) {
	if err := n.conn.QueryRow(ctx, `select pg_try_advisory_lock($1, $2)`, lockClass, which).Scan(&free); err != nil {
		return false, fmt.Errorf("lock a session: %w", err)
	}
	return free, nil
}

// listen waits for one beat, and publishes the watch lists and the detector's parameters that are announced meanwhile.
func (n *node) listen() error {
	ctx := n.session.ctx
	waiting, stop := context.WithTimeout(ctx, beat)
	defer stop()
	for {
		heard, err := n.conn.WaitForNotification(waiting)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && waiting.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("wait for watch lists: %w", err)
		}
		if heard.Channel == ingest.DetectorChannel {
			if err := n.publishDetectors(ctx); err != nil {
				return err
			}
			continue
		}
		region, err := strconv.ParseInt(heard.Payload, 10, 64)
		if err != nil {
			n.consumer.options.Log.Warn("an announced watch list cannot be read", "payload", heard.Payload, "error", err)
			continue
		}
		if n.lists != nil {
			if err := n.lists.Publish(ctx, n.conn, &region); err != nil {
				return err
			}
		}
	}
}

// publishDetectors publishes the parameters that each kind of device is to use, where no other node does.
func (n *node) publishDetectors(ctx context.Context) error {
	if n.lists == nil {
		return nil
	}
	base := map[string][]byte{}
	if n.consumer.options.Detector != nil {
		base["phone"] = n.consumer.options.Detector
	}
	return ingest.PublishDetectors(ctx, n.conn, base, n.session.publishDetector)
}

// look sees to what nobody does: watch lists that no node publishes, sessions that no node has.
func (n *node) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if n.lists == nil {
		free, err := n.lock(ctx, lockWatch)
		if err != nil {
			return err
		}
		if free {
			n.lists = ingest.NewWatchLists(n.session.publishWatch)
			if err := n.lists.Publish(ctx, n.conn, nil); err != nil {
				return err
			}
			if err := n.publishDetectors(ctx); err != nil {
				return err
			}
		}
	}
	if err := n.finish(ctx); err != nil {
		return err
	}
	rows, err := n.conn.Query(ctx, `select number from broker_sessions order by number`)
	if err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	for _, number := range numbers {
		if number == n.session.number || n.adopting[number] { // a lock can be had twice by who has it
			continue
		}
		free, err := n.lock(ctx, number)
		if err != nil {
			return err
		}
		if free {
			n.adopting[number] = true
			n.helpers.Go(func() { n.adopt(number) })
		}
	}
	return nil
}

// adopt empties the session of a node that died.
func (n *node) adopt(number int) {
	err := n.empty(number)
	if err != nil && n.session.ctx.Err() == nil {
		n.consumer.options.Log.Warn("the session of a process that is gone is not emptied yet", "session", clientID(number), "error", err)
	}
	select {
	case n.adopted <- adoption{number, err == nil}:
	case <-n.session.ctx.Done(): // the locks end with the connection
	}
}

// empty takes what the broker has for a session, and gives its share back. It returns nil when nothing has come for a while.
// The session stays at the broker, so that even what comes later is there for the next node with its number.
func (n *node) empty(number int) error {
	s, err := n.consumer.connect(n.session.ctx, number)
	if err != nil {
		return err
	}
	defer s.close()
	n.consumer.options.Log.Info("taking over the session of a process that is gone", "session", clientID(number))
	if err := s.leave(); err != nil {
		return err
	}
	for {
		quiet := time.Since(time.Unix(0, s.heard.Load()))
		if quiet >= emptyAfter {
			return nil
		}
		timer := time.NewTimer(emptyAfter - quiet)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return context.Cause(s.ctx)
		}
	}
}

// finish lets go of the sessions that are emptied.
func (n *node) finish(ctx context.Context) error {
	for {
		select {
		case a := <-n.adopted:
			delete(n.adopting, a.number)
			var errs error
			if a.empty {
				_, errs = n.conn.Exec(ctx, `delete from broker_sessions where number = $1`, a.number)
			}
			_, err := n.conn.Exec(ctx, `select pg_advisory_unlock($1, $2)`, lockClass, a.number)
			if errs = errors.Join(errs, err); errs != nil {
				return fmt.Errorf("let go of a session: %w", errs)
			}
		default:
			return nil
		}
	}
}
