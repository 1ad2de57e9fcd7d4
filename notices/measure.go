package notices

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// counts are the metrics of a courier: how tries went in this process, and what waits or was given up in the database.
type counts struct {
	pool  *pgxpool.Pool
	tries *prometheus.CounterVec
	open  *prometheus.Desc
}

func newCounts(pool *pgxpool.Pool, r prometheus.Registerer) (*counts, error) {
	c := &counts{pool: pool,
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "streetpulse_notices_tries_total",
			Help: "Tries to send mails and to tell webhooks, by how they went: delivered, failed (it is tried again), given_up."}, []string{"what", "result"}),
		open: prometheus.NewDesc("streetpulse_notices", "Mails and messages to webhooks that wait, and dead letters (given_up).", []string{"what", "state"}, nil)}
	if r == nil {
		return c, nil
	}
	if err := errors.Join(r.Register(c.tries), r.Register(c)); err != nil {
		return nil, fmt.Errorf("register the metrics of notices: %w", err)
	}
	return c, nil
}

func (c *counts) done(what, result string) { c.tries.WithLabelValues(what, result).Inc() }

func (c *counts) failed(what string, last bool) {
	if last {
		c.done(what, "given_up")
		return
	}
	c.done(what, "failed")
}

// Describe tells what Collect collects.
func (c *counts) Describe(to chan<- *prometheus.Desc) { to <- c.open }

// Collect counts in the database; nothing is told where that does not answer.
func (c *counts) Collect(to chan<- prometheus.Metric) {
	ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	var n [4]float64
	err := c.pool.QueryRow(ctx, `select count(*) filter (where given_up_at is null), count(*) filter (where given_up_at is not null),
		(select count(*) from webhook_deliveries where state = 'waiting'), (select count(*) from webhook_deliveries where state = 'given_up')
		from mails where sent_at is null`).Scan(&n[0], &n[1], &n[2], &n[3])
	if err != nil {
		return
	}
	for i, label := range [][2]string{{"mail", "waiting"}, {"mail", "given_up"}, {"webhook", "waiting"}, {"webhook", "given_up"}} {
		to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, n[i], label[0], label[1])
	}
}
