package ingest

import "github.com/prometheus/client_golang/prometheus"

// writerMetrics are the numbers of the group commit.
type writerMetrics struct {
	stored, duplicates, unavailable prometheus.Counter
	seconds, rows                   prometheus.Histogram
}

func newWriterMetrics(registerer prometheus.Registerer, w *Writer) writerMetrics {
	m := writerMetrics{
		stored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_ingest_stored_total", Help: "Events stored."}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_ingest_duplicates_total", Help: "Events that were stored before."}),
		unavailable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_ingest_unavailable_total", Help: "Batches not acknowledged because storage was away or slow."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "streetpulse_ingest_commit_seconds", Help: "Duration of one group commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}),
		rows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "streetpulse_ingest_commit_events", Help: "Events in one group commit.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
	}
	if registerer != nil {
		registerer.MustRegister(m.stored, m.duplicates, m.unavailable, m.seconds, m.rows, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "streetpulse_ingest_queue_events", Help: "Events that wait for their commit."}, func() float64 {
			w.mu.Lock()
			defer w.mu.Unlock()
			return float64(w.records)
		}))
	}
	return m
}

// submitMetrics are the numbers of what devices send.
type submitMetrics struct {
	refused     *prometheus.CounterVec // by the member that is wrong
	quarantined *prometheus.CounterVec // by source
}

func newSubmitMetrics(registerer prometheus.Registerer) submitMetrics {
	m := submitMetrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streetpulse_ingest_refused_total", Help: "Events refused, by what was wrong with them."}, []string{"member"}),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "streetpulse_ingest_quarantined_total", Help: "Payloads that could not be read."}, []string{"source"}),
	}
	if registerer != nil {
		registerer.MustRegister(m.refused, m.quarantined)
	}
	return m
}
