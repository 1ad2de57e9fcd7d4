package broker

import "github.com/prometheus/client_golang/prometheus"

// metrics are the numbers of the broker.
type metrics struct {
	messages, refused, paused, crowdedOut, panics prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer, b *Broker) metrics {
	m := metrics{
		messages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_mqtt_messages_total", Help: "Messages that devices published."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_mqtt_refused_total", Help: "Logins refused."}),
		paused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_mqtt_paused_seconds_total", Help: "Time for which messages of devices above their rate were held back."}),
		crowdedOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_mqtt_crowded_out_total", Help: "Connections closed because too many did not log in, or did not finish what they began to send."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "streetpulse_mqtt_panics_total", Help: "Connections ended because the MQTT library could not cope with a packet."}),
	}
	if registerer != nil {
		registerer.MustRegister(m.messages, m.refused, m.paused, m.crowdedOut, m.panics, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "streetpulse_mqtt_connections", Help: "Open connections."}, func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			return float64(len(b.conns))
		}))
	}
	return m
}
